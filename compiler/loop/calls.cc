#include "compiler/loop/calls.h"

#include <array>

namespace tilewright {
namespace {

using enum CallId;

constexpr auto kFloats = CallInfo::kFloats;
constexpr auto kNumbers = CallInfo::kNumbers;

constexpr std::array<CallInfo, 34> kCalls = {{
    {kExp, "exp", 1, kFloats},
    {kLog, "log", 1, kFloats},
    {kSqrt, "sqrt", 1, kFloats},
    {kTanh, "tanh", 1, kFloats},
    {kSin, "sin", 1, kFloats},
    {kCos, "cos", 1, kFloats},
    {kTan, "tan", 1, kFloats},
    {kAsin, "asin", 1, kFloats},
    {kAcos, "acos", 1, kFloats},
    {kAtan, "atan", 1, kFloats},
    {kSinh, "sinh", 1, kFloats},
    {kCosh, "cosh", 1, kFloats},
    {kAsinh, "asinh", 1, kFloats},
    {kAcosh, "acosh", 1, kFloats},
    {kAtanh, "atanh", 1, kFloats},
    {kErf, "erf", 1, kFloats},
    {kFloor, "floor", 1, kFloats},
    {kCeil, "ceil", 1, kFloats},
    {kRound, "round", 1, kFloats},
    {kAbs, "abs", 1, kNumbers},
    {kNeg, "neg", 1, kNumbers},
    {kSign, "sign", 1, kNumbers},
    {kNot, "not", 1, CallInfo::kBools},
    {kPow, "pow", 2, kFloats},
    {kFmod, "fmod", 2, kFloats},
    {kIsNan, "isnan", 1, kFloats, DType::kBool},
    {kIsInf, "isinf", 1, kFloats, DType::kBool},
    {kFma, "fma", 3, kFloats},
    {kShl, "shl", 2, CallInfo::kIntegers},
    {kShr, "shr", 2, CallInfo::kIntegers},
    {kDot2, "dot2", 2, CallInfo::kWords},
    {kDot4, "dot4", 2, CallInfo::kWords},
    {kPair, "pair", 2, CallInfo::kBFloat16s, DType::kI32},
    {kDot2BF16, "dot2_bf16", 2, CallInfo::kWords, DType::kF32},
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
    case CallInfo::kBFloat16s: return dtype == DType::kBF16;
  }
  return false;
}

bool Accepts(BinaryOp op, DType dtype) {
  if (op < BinaryOp::kMod) return dtype != DType::kBool;
  if (op == BinaryOp::kMod) return IsInteger(dtype);
  return op < BinaryOp::kAnd || !IsFloat(dtype);
}

}  // namespace tilewright
