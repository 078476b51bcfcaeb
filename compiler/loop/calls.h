// The table of calls an expression may make (see expr.h). Used only inside compiler/loop.
#pragma once

#include <cstddef>
#include <string_view>

#include "compiler/core/dtype.h"

namespace tilewright {

enum class CallId {
  kExp,
  kLog,
  kSqrt,
  kTanh,
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
  kErf,
  kFloor,
  kCeil,
  kRound,
  kAbs,
  kNeg,
  kSign,
  kNot,
  kPow,
  kFmod,
  kIsNan,
  kIsInf,
  kFma,
  kShl,
  kShr,
};

struct CallInfo {
  CallId id;
  std::string_view name;
  size_t arity;
  enum { kFloats, kNumbers, kBools, kIntegers } operands;
  bool gives_bool;  // otherwise the dtype of the operands
};

// nullptr when there is no such call.
const CallInfo* FindCall(std::string_view name);
// Whether operands of this dtype are allowed.
bool Accepts(const CallInfo& call, DType dtype);

}  // namespace tilewright
