#include "compiler/targets/support/c_prelude.h"

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace tilewright {
namespace {

// Where nothing copies asynchronously, at once: that is soon enough.
constexpr char kDefaults[] = R"(
#ifndef TW_ASYNC_COPY
#define TW_ZERO_4 0
#define TW_ASYNC_COPY(bytes, to_space, to, from_space, from, there) \
  *(to_space tw_v##bytes*)(to) = \
      (there) ? *(from_space const tw_v##bytes*)(from) : TW_ZERO_##bytes
#define TW_ASYNC_COMMIT
#define TW_ASYNC_WAIT(n)
#endif
#ifndef TW_PRODUCT_f32
#define TW_PRODUCT_f32(a, b) ((a) * (b))
#define TW_PRODUCT_f64(a, b) ((a) * (b))
#endif
#ifndef TW_UNROLL_BY
#define TW_UNROLL_BY(n)
#endif
#ifndef TW_EXPORT
#define TW_EXPORT(kernel)
#endif
)";

// Functions of every language. Floats: NaN behaves as the loop IR says (loop/expr.h); integers
// wrap, divide by floor, and x / 0 is 0; conversions of floats saturate and NaN gives 0.
constexpr char kFunctions[] = R"(
#define TW_ORDER(S) \
  TW_FN tw_##S tw_min_##S(tw_##S a, tw_##S b) { return b < a ? b : a; } \
  TW_FN tw_##S tw_max_##S(tw_##S a, tw_##S b) { return a < b ? b : a; }
#define TW_SIGNED(S) \
  TW_FN tw_##S tw_abs_##S(tw_##S a) { return a < 0 ? (tw_##S)-a : a; } \
  TW_FN tw_##S tw_neg_##S(tw_##S a) { return (tw_##S)-a; } \
  TW_FN tw_##S tw_sign_##S(tw_##S a) { return (tw_##S)((a > 0) - (a < 0)); }
#define TW_INTEGER(S, BITS) \
  TW_ORDER(S) \
  TW_FN tw_##S tw_div_##S(tw_##S a, tw_##S b) { \
    if (b == 0) return 0; \
    if (b == (tw_##S)-1) return (tw_##S)(a * b); \
    return (tw_##S)(a / b - (a % b != 0 && ((a % b < 0) != (b < 0)))); \
  } \
  TW_FN tw_##S tw_mod_##S(tw_##S a, tw_##S b) { \
    if (b == 0 || b == (tw_##S)-1) return b == 0 ? 0 : (tw_##S)(a - a); \
    return (tw_##S)(a % b + (a % b != 0 && ((a % b < 0) != (b < 0)) ? b : 0)); \
  } \
  TW_FN tw_##S tw_shl_##S(tw_##S a, tw_##S n) { \
    return n < 0 || n >= BITS ? 0 : (tw_##S)((tw_u64)a << n); \
  } \
  TW_FN tw_##S tw_shr_##S(tw_##S a, tw_##S n) { \
    return n < 0 || n >= BITS ? (a < 0 ? (tw_##S)-1 : 0) : (tw_##S)(a >> n); \
  }
TW_INTEGER(i64, 64) TW_INTEGER(i32, 32) TW_INTEGER(i16, 16) TW_INTEGER(i8, 8)
TW_SIGNED(i64) TW_SIGNED(i32) TW_SIGNED(i16) TW_SIGNED(i8)
TW_FN tw_i32 tw_dot2_i32(tw_i32 a, tw_i32 b) {
  return (tw_i32)((tw_i64)(tw_i16)a * (tw_i16)b + (tw_i64)(tw_i16)(a >> 16) * (tw_i16)(b >> 16));
}
#define TW_BYTE_PRODUCT(a, b, n) ((tw_i32)(tw_u8)((a) >> n) * (tw_i32)(tw_i8)((b) >> n))
TW_FN tw_i32 tw_dot4_i32(tw_i32 a, tw_i32 b) {
  return TW_BYTE_PRODUCT(a, b, 0) + TW_BYTE_PRODUCT(a, b, 8) + TW_BYTE_PRODUCT(a, b, 16) +
         TW_BYTE_PRODUCT(a, b, 24);
}
#define TW_UNSIGNED(S, BITS) \
  TW_ORDER(S) \
  TW_FN tw_##S tw_div_##S(tw_##S a, tw_##S b) { return b == 0 ? 0 : (tw_##S)(a / b); } \
  TW_FN tw_##S tw_mod_##S(tw_##S a, tw_##S b) { return b == 0 ? 0 : (tw_##S)(a % b); } \
  TW_FN tw_##S tw_shl_##S(tw_##S a, tw_##S n) { return n >= BITS ? 0 : (tw_##S)(a << n); } \
  TW_FN tw_##S tw_shr_##S(tw_##S a, tw_##S n) { return n >= BITS ? 0 : (tw_##S)(a >> n); } \
  TW_FN tw_##S tw_abs_##S(tw_##S a) { return a; } \
  TW_FN tw_##S tw_neg_##S(tw_##S a) { return (tw_##S)-a; } \
  TW_FN tw_##S tw_sign_##S(tw_##S a) { return a != 0; }
TW_UNSIGNED(u64, 64) TW_UNSIGNED(u32, 32) TW_UNSIGNED(u16, 16) TW_UNSIGNED(u8, 8)
TW_ORDER(bool)
TW_FN float tw_round_to_f16(float a) { return tw_load_f16(tw_store_f16(a)); }
TW_FN float tw_load_bf16(tw_bf16 a) { return TW_FROM_BITS((tw_u32)a << 16); }
TW_FN tw_bf16 tw_store_bf16(float a) {
  tw_u32 bits = TW_BITS(a);
  return (tw_bf16)((a != a ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
TW_FN float tw_round_to_bf16(float a) { return tw_load_bf16(tw_store_bf16(a)); }
TW_FN tw_i32 tw_pair_f32(float a, float b) {
  return (tw_i32)((tw_u32)tw_store_bf16(a) | (tw_u32)tw_store_bf16(b) << 16);
}
TW_FN float tw_dot2_bf16_i32(tw_i32 a, tw_i32 b) {
  return tw_load_bf16((tw_bf16)a) * tw_load_bf16((tw_bf16)b) +
         tw_load_bf16((tw_bf16)(a >> 16)) * tw_load_bf16((tw_bf16)(b >> 16));
}
#define TW_TO(S, F, LO, HI, PAST) \
  TW_FN tw_##S tw_to_##S##_##F(tw_##F a) { \
    return a != a ? 0 : a <= (tw_##F)(LO) ? (tw_##S)(LO) : a >= (tw_##F)(PAST) ? (tw_##S)(HI) \
                                                                             : (tw_##S)a; \
  }
#define TW_FLOAT(F, M) \
  TW_ORDER(F) \
  TW_FN tw_##F tw_mul_##F(tw_##F a, tw_##F b) { return TW_PRODUCT_##F(a, b); } \
  TW_FN tw_##F tw_abs_##F(tw_##F a) { return M(fabs)(a); } \
  TW_FN tw_##F tw_sign_##F(tw_##F a) { \
    return a != a ? a : (tw_##F)((a > 0) - (a < 0)); \
  } \
  TW_FN int tw_isnan_##F(tw_##F a) { return a != a; } \
  TW_FN int tw_isinf_##F(tw_##F a) { return a == TW_INF_##F || a == -TW_INF_##F; } \
  TW_FN tw_##F tw_round_##F(tw_##F a) { return M(rint)(a); } \
  TW_FN tw_##F tw_pow_##F(tw_##F a, tw_##F b) { return M(pow)(a, b); } \
  TW_FN tw_##F tw_fmod_##F(tw_##F a, tw_##F b) { return M(fmod)(a, b); } \
  TW_FN tw_##F tw_fma_##F(tw_##F a, tw_##F b, tw_##F c) { return M(fma)(a, b, c); } \
  TW_MATH(F, M, exp) TW_MATH(F, M, log) TW_MATH(F, M, sqrt) TW_MATH(F, M, tanh) \
  TW_MATH(F, M, sin) TW_MATH(F, M, cos) TW_MATH(F, M, tan) TW_MATH(F, M, asin) \
  TW_MATH(F, M, acos) TW_MATH(F, M, atan) TW_MATH(F, M, sinh) TW_MATH(F, M, cosh) \
  TW_MATH(F, M, asinh) TW_MATH(F, M, acosh) TW_MATH(F, M, atanh) TW_MATH(F, M, erf) \
  TW_MATH(F, M, floor) TW_MATH(F, M, ceil) \
  TW_TO(i64, F, -TW_I64(9223372036854775807) - 1, TW_I64(9223372036854775807), \
        9223372036854775808.0f) \
  TW_TO(i32, F, -2147483647 - 1, 2147483647, 2147483648.0f) \
  TW_TO(i16, F, -32768, 32767, 32767) TW_TO(i8, F, -128, 127, 127) \
  TW_TO(u64, F, 0, TW_U64(18446744073709551615), 18446744073709551616.0f) \
  TW_TO(u32, F, 0, 4294967295u, 4294967296.0f) TW_TO(u16, F, 0, 65535, 65535) \
  TW_TO(u8, F, 0, 255, 255)
#define TW_MATH(F, M, f) TW_FN tw_##F tw_##f##_##F(tw_##F a) { return M(f)(a); }
#ifndef TW_M64
#define TW_M64(f) f
#endif
TW_FLOAT(f32, TW_M32)
)";

constexpr char kDoubleFunctions[] = R"(
TW_FLOAT(f64, TW_M64)
)";

}  // namespace

std::string PreludeOf(const runtime::DeviceKind& kind, bool doubles) {
  return absl::StrCat(Sv(kind.prelude), doubles ? Sv(kind.double_prelude) : "", kDefaults,
                      kFunctions, doubles ? kDoubleFunctions : "");
}

}  // namespace tilewright
