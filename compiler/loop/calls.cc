#include "compiler/loop/calls.h"

#include <array>

namespace tilewright {
namespace {

using enum CallId;

constexpr auto kFloats = CallInfo::kFloats;
constexpr auto kNumbers = CallInfo::kNumbers;

constexpr std::array<CallInfo, 32> kCalls = {{
    {kExp, "exp", 1, kFloats, false},
    {kLog, "log", 1, kFloats, false},
    {kSqrt, "sqrt", 1, kFloats, false},
    {kTanh, "tanh", 1, kFloats, false},
    {kSin, "sin", 1, kFloats, false},
    {kCos, "cos", 1, kFloats, false},
    {kTan, "tan", 1, kFloats, false},
    {kAsin, "asin", 1, kFloats, false},
    {kAcos, "acos", 1, kFloats, false},
    {kAtan, "atan", 1, kFloats, false},
    {kSinh, "sinh", 1, kFloats, false},
    {kCosh, "cosh", 1, kFloats, false},
    {kAsinh, "asinh", 1, kFloats, false},
    {kAcosh, "acosh", 1, kFloats, false},
    {kAtanh, "atanh", 1, kFloats, false},
    {kErf, "erf", 1, kFloats, false},
    {kFloor, "floor", 1, kFloats, false},
    {kCeil, "ceil", 1, kFloats, false},
    {kRound, "round", 1, kFloats, false},
    {kAbs, "abs", 1, kNumbers, false},
    {kNeg, "neg", 1, kNumbers, false},
    {kSign, "sign", 1, kNumbers, false},
    {kNot, "not", 1, CallInfo::kBools, false},
    {kPow, "pow", 2, kFloats, false},
    {kFmod, "fmod", 2, kFloats, false},
    {kIsNan, "isnan", 1, kFloats, true},
    {kIsInf, "isinf", 1, kFloats, true},
    {kFma, "fma", 3, kFloats, false},
    {kShl, "shl", 2, CallInfo::kIntegers, false},
    {kShr, "shr", 2, CallInfo::kIntegers, false},
    {kDot2, "dot2", 2, CallInfo::kWords, false},
    {kDot4, "dot4", 2, CallInfo::kWords, false},
}};

}  // namespace

const CallInfo* FindCall(std::string_view name) {
  for (const CallInfo& call : kCalls) {
    if (call.name == name) return &call;
  }
  return nullptr;
}

bool Accepts(const CallInfo& call, DType dtype) {
  switch (call.operands) {
    case CallInfo::kFloats: return IsFloat(dtype);
    case CallInfo::kNumbers: return dtype != DType::kBool;
    case CallInfo::kBools: return dtype == DType::kBool;
    case CallInfo::kIntegers: return IsInteger(dtype);
    case CallInfo::kWords: return dtype == DType::kI32;
  }
  return false;
}

bool Accepts(BinaryOp op, DType dtype) {
  if (op < BinaryOp::kMod) return dtype != DType::kBool;
  if (op == BinaryOp::kMod) return IsInteger(dtype);
  return op < BinaryOp::kAnd || !IsFloat(dtype);
}

}  // namespace tilewright
