// The table of calls an expression may make (see expr.h) and the types operations take. Used only
// inside compiler/loop.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "compiler/loop/expr.h"

namespace tilewright {

// clang-format off
enum class CallId {
  kExp, kLog, kSqrt, kTanh, kSin, kCos, kTan, kAsin, kAcos, kAtan, kSinh, kCosh, kAsinh, kAcosh,
  kAtanh, kErf, kFloor, kCeil, kRound, kAbs, kNeg, kSign, kNot, kPow, kFmod, kIsNan, kIsInf, kFma,
  kShl, kShr, kDot2, kDot4, kPair, kDot2BF16,
};
// clang-format on

struct CallInfo {
  CallId id;
  std::string_view name;
  size_t arity;
  enum { kFloats, kNumbers, kBools, kIntegers, kWords, kBFloat16s } operands;  // kWords: int32
  std::optional<DType> gives = std::nullopt;  // the dtype of the operands

  DType TypeOn(DType dtype) const { return gives.value_or(dtype); }
};

// nullptr when there is no such call.
const CallInfo* FindCall(std::string_view name);
// Whether operands of this dtype are allowed.
bool Accepts(const CallInfo& call, DType dtype);
bool Accepts(BinaryOp op, DType dtype);

}  // namespace tilewright
