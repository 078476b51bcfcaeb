#include <cmath>
#include <limits>
#include <type_traits>

#include "base/check.h"
#include "base/narrow_float.h"
#include "compiler/loop/calls.h"
#include "compiler/loop/integer_math.h"
#include "compiler/loop/interpret_code.h"

namespace tilewright::interpret {
namespace {

// Integers wrap around in their width, as machines do.
template <typename T, typename Fn>
T Wrapped(T a, T b, Fn fn) {
  if constexpr (std::is_floating_point_v<T>) {
    return fn(a, b);
  } else {
    return static_cast<T>(fn(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
  }
}

// Floor division for index arithmetic; x / 0 is 0 for integers.
template <typename T>
T Divide(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == 0) return T{0};
    if constexpr (std::is_unsigned_v<T>) return a / b;
    return static_cast<T>(DivFloor(a, b));
  }
}

template <typename T>
T Modulo(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    if (b == 0) return T{0};
    if constexpr (std::is_unsigned_v<T>) return a % b;
    return static_cast<T>(ModFloor(a, b));
  }
}

template <typename T>
int64_t Bits(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return 0;  // Verify allows no bit operations on floats
  } else {
    return static_cast<int64_t>(value);
  }
}

template <BinaryOp op, typename T>
auto Apply(T a, T b) {
  if constexpr (op == BinaryOp::kAdd) return Wrapped(a, b, [](auto x, auto y) { return x + y; });
  if constexpr (op == BinaryOp::kSub) return Wrapped(a, b, [](auto x, auto y) { return x - y; });
  if constexpr (op == BinaryOp::kMul) return Wrapped(a, b, [](auto x, auto y) { return x * y; });
  if constexpr (op == BinaryOp::kDiv) return Divide(a, b);
  if constexpr (op == BinaryOp::kMod) return Modulo(a, b);
  if constexpr (op == BinaryOp::kMin) return b < a ? b : a;
  if constexpr (op == BinaryOp::kMax) return a < b ? b : a;
  if constexpr (op == BinaryOp::kLt) return a < b;
  if constexpr (op == BinaryOp::kLe) return a <= b;
  if constexpr (op == BinaryOp::kEq) return a == b;
  if constexpr (op == BinaryOp::kNe) return a != b;
  if constexpr (op == BinaryOp::kAnd) return static_cast<T>(Bits(a) & Bits(b));
  if constexpr (op == BinaryOp::kOr) return static_cast<T>(Bits(a) | Bits(b));
  if constexpr (op == BinaryOp::kXor) return static_cast<T>(Bits(a) ^ Bits(b));
}

// A result on operands of T: of type T, or bool as comparisons give.
template <typename T, typename R>
Value Give(R result) {
  if constexpr (std::is_same_v<R, bool>) {
    return Put<bool>(result);
  } else {
    return Put<T>(result);
  }
}

template <BinaryOp op>
Function BinaryOf(DType operands) {
  return Dispatch(operands, []<typename T>() -> Function {
    return [](const Code& code, Frame& frame) {
      const auto a = Operand<T>(code, 0, frame);
      return Give<T>(Apply<op, Register<T>>(a, Operand<T>(code, 1, frame)));
    };
  });
}

template <typename T>
T Sign(T x) {
  if (x != x) return x;
  return static_cast<T>((x > T{0}) - (x < T{0}));
}

template <typename T>
bool Negative(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::signbit(x);
  } else {
    return x < T{0};
  }
}

template <typename T>
T Shifted(T value, T amount, bool left) {
  const bool negative = value < T{0};
  const auto by = static_cast<uint64_t>(amount);
  if (by >= sizeof(T) * 8) return left || !negative ? T{0} : T(-1);
  if (left) return static_cast<T>(static_cast<uint64_t>(value) << by);
  return static_cast<T>(value >> by);
}

// Calls of one function on one C++ type, taking the operands it needs.
template <typename T, auto fn>
Function Unary() {
  return [](const Code& code, Frame& frame) { return Give<T>(fn(Operand<T>(code, 0, frame))); };
}

template <typename T, auto fn>
Function TwoOperands() {
  return [](const Code& code, Frame& frame) {
    const auto a = Operand<T>(code, 0, frame);
    return Give<T>(fn(a, Operand<T>(code, 1, frame)));
  };
}

template <typename T>
Function FloatFunction(CallId id) {
  using R = Register<T>;
  switch (id) {
    case CallId::kExp: return Unary<T, [](R x) -> R { return std::exp(x); }>();
    case CallId::kLog: return Unary<T, [](R x) -> R { return std::log(x); }>();
    case CallId::kSqrt: return Unary<T, [](R x) -> R { return std::sqrt(x); }>();
    case CallId::kTanh: return Unary<T, [](R x) -> R { return std::tanh(x); }>();
    case CallId::kSin: return Unary<T, [](R x) -> R { return std::sin(x); }>();
    case CallId::kCos: return Unary<T, [](R x) -> R { return std::cos(x); }>();
    case CallId::kTan: return Unary<T, [](R x) -> R { return std::tan(x); }>();
    case CallId::kAsin: return Unary<T, [](R x) -> R { return std::asin(x); }>();
    case CallId::kAcos: return Unary<T, [](R x) -> R { return std::acos(x); }>();
    case CallId::kAtan: return Unary<T, [](R x) -> R { return std::atan(x); }>();
    case CallId::kSinh: return Unary<T, [](R x) -> R { return std::sinh(x); }>();
    case CallId::kCosh: return Unary<T, [](R x) -> R { return std::cosh(x); }>();
    case CallId::kAsinh: return Unary<T, [](R x) -> R { return std::asinh(x); }>();
    case CallId::kAcosh: return Unary<T, [](R x) -> R { return std::acosh(x); }>();
    case CallId::kAtanh: return Unary<T, [](R x) -> R { return std::atanh(x); }>();
    case CallId::kErf: return Unary<T, [](R x) -> R { return std::erf(x); }>();
    case CallId::kFloor: return Unary<T, [](R x) -> R { return std::floor(x); }>();
    case CallId::kCeil: return Unary<T, [](R x) -> R { return std::ceil(x); }>();
    case CallId::kRound: return Unary<T, [](R x) -> R { return std::nearbyint(x); }>();
    case CallId::kIsNan: return Unary<T, [](R x) { return std::isnan(x); }>();
    case CallId::kIsInf: return Unary<T, [](R x) { return std::isinf(x); }>();
    case CallId::kPow: return TwoOperands<T, [](R x, R y) -> R { return std::pow(x, y); }>();
    case CallId::kFmod: return TwoOperands<T, [](R x, R y) -> R { return std::fmod(x, y); }>();
    case CallId::kFma:
      return [](const Code& code, Frame& frame) {
        const R a = Operand<T>(code, 0, frame), b = Operand<T>(code, 1, frame);
        return Put<T>(std::fma(a, b, Operand<T>(code, 2, frame)));
      };
    default: return nullptr;
  }
}

// Only the square of the least half, twice, does not fit; it wraps.
int32_t DotOfHalves(int32_t x, int32_t y) {
  const auto product = [&](int shift) {
    return int64_t{static_cast<int16_t>(x >> shift)} * static_cast<int16_t>(y >> shift);
  };
  return static_cast<int32_t>(product(0) + product(16));
}

// Of unsigned and signed bytes; always fits.
int32_t DotOfBytes(int32_t x, int32_t y) {
  int32_t sum = 0;
  for (int shift = 0; shift < 32; shift += 8) {
    sum += static_cast<uint8_t>(x >> shift) * static_cast<int8_t>(y >> shift);
  }
  return sum;
}

// The word of two bfloat16, and the sum of the products of two words.
Value PairOf(const Code& code, Frame& frame) {
  const auto bits = [&](size_t i) {
    return uint32_t{FloatToBFloat16(Operand<BFloat16>(code, i, frame))};
  };
  return Put<int32_t>(static_cast<int32_t>(bits(0) | bits(1) << 16));
}

float DotOfBFloat16(int32_t x, int32_t y) {
  const auto product = [&](int shift) {
    return BFloat16ToFloat(static_cast<uint16_t>(x >> shift)) *
           BFloat16ToFloat(static_cast<uint16_t>(y >> shift));
  };
  return product(0) + product(16);
}

template <typename T>
Function NumberFunction(CallId id) {
  using R = Register<T>;
  switch (id) {
    case CallId::kAbs:
      return Unary<T, [](R x) { return Negative(x) ? Apply<BinaryOp::kSub>(R{0}, x) : x; }>();
    case CallId::kNeg: return Unary<T, [](R x) { return Apply<BinaryOp::kMul>(x, R(-1)); }>();
    case CallId::kSign: return Unary<T, [](R x) { return Sign(x); }>();
    default: break;
  }
  if constexpr (std::is_integral_v<T>) {
    if (id == CallId::kShl) return TwoOperands<T, [](T x, T y) { return Shifted(x, y, true); }>();
    if (id == CallId::kShr) return TwoOperands<T, [](T x, T y) { return Shifted(x, y, false); }>();
  }
  if constexpr (std::is_same_v<T, int32_t>) {
    if (id == CallId::kDot2) return TwoOperands<T, DotOfHalves>();
    if (id == CallId::kDot4) return TwoOperands<T, DotOfBytes>();
  }
  return nullptr;
}

// Truncates and saturates; NaN gives 0.
template <typename To, typename From>
To FloatToInteger(From value) {
  if (std::isnan(value)) return To{0};
  using Limits = std::numeric_limits<To>;
  if (value <= static_cast<From>(Limits::min())) return Limits::min();
  if (value >= static_cast<From>(Limits::max())) return Limits::max();
  return static_cast<To>(value);
}

template <typename From, typename To>
To Convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return FloatToInteger<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

Function BinaryFunction(BinaryOp op, DType operands) {
  switch (op) {
    case BinaryOp::kAdd: return BinaryOf<BinaryOp::kAdd>(operands);
    case BinaryOp::kSub: return BinaryOf<BinaryOp::kSub>(operands);
    case BinaryOp::kMul: return BinaryOf<BinaryOp::kMul>(operands);
    case BinaryOp::kDiv: return BinaryOf<BinaryOp::kDiv>(operands);
    case BinaryOp::kMod: return BinaryOf<BinaryOp::kMod>(operands);
    case BinaryOp::kMin: return BinaryOf<BinaryOp::kMin>(operands);
    case BinaryOp::kMax: return BinaryOf<BinaryOp::kMax>(operands);
    case BinaryOp::kLt: return BinaryOf<BinaryOp::kLt>(operands);
    case BinaryOp::kLe: return BinaryOf<BinaryOp::kLe>(operands);
    case BinaryOp::kEq: return BinaryOf<BinaryOp::kEq>(operands);
    case BinaryOp::kNe: return BinaryOf<BinaryOp::kNe>(operands);
    case BinaryOp::kAnd: return BinaryOf<BinaryOp::kAnd>(operands);
    case BinaryOp::kOr: return BinaryOf<BinaryOp::kOr>(operands);
    case BinaryOp::kXor: return BinaryOf<BinaryOp::kXor>(operands);
  }
  return nullptr;
}

Function CallFunction(const std::string& name, DType operands) {
  const CallInfo* call = FindCall(name);
  TW_CHECK(call != nullptr) << "no call " << name;
  if (call->id == CallId::kNot) return Unary<bool, [](bool x) { return !x; }>();
  if (call->id == CallId::kPair) return PairOf;
  if (call->id == CallId::kDot2BF16) {
    return [](const Code& code, Frame& frame) {
      const auto x = Operand<int32_t>(code, 0, frame);
      return Put<float>(DotOfBFloat16(x, Operand<int32_t>(code, 1, frame)));
    };
  }
  Function function = Dispatch(operands, [call]<typename T>() -> Function {
    if constexpr (std::is_floating_point_v<Register<T>>) {
      if (Function found = FloatFunction<T>(call->id)) return found;
    }
    return NumberFunction<T>(call->id);
  });
  TW_CHECK(function != nullptr) << name << " of " << NameOf(operands);
  return function;
}

Function CastFunction(DType from, DType to) {
  return Dispatch(from, [to]<typename From>() -> Function {
    return Dispatch(to, []<typename To>() -> Function {
      return [](const Code& code, Frame& frame) {
        return Put<To>(Convert<Register<From>, Register<To>>(Operand<From>(code, 0, frame)));
      };
    });
  });
}

}  // namespace tilewright::interpret
