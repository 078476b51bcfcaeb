// Element types of tensors. Values; thread-safe. Header only, so that the worker's runner can use
// it without a library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/narrow_float.h"

namespace tilewright {

// kF16 is IEEE 754 binary16, kBF16 the upper half of a float32 (base/narrow_float.h).
enum class DType { kF32, kF64, kF16, kBF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

inline constexpr std::array<std::string_view, 13> kDTypeNames = {
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16",
    "int8",    "uint64",  "uint32",  "uint16",   "uint8", "bool"};

// numpy's name: "float32", "int64", "bool", ...; "bfloat16", which numpy itself has not.
inline std::string_view NameOf(DType dtype) { return kDTypeNames[static_cast<size_t>(dtype)]; }

// Inverse of NameOf; nullopt when the name is unknown.
inline std::optional<DType> ParseDType(std::string_view name) {
  for (size_t i = 0; i < kDTypeNames.size(); ++i) {
    if (kDTypeNames[i] == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

// Calls fn.operator()<T>() with the C++ type of an element in memory: float, Float16, ..., bool.
template <typename Fn>
auto Dispatch(DType dtype, Fn&& fn) {
  switch (dtype) {
    case DType::kF32: return fn.template operator()<float>();
    case DType::kF64: return fn.template operator()<double>();
    case DType::kF16: return fn.template operator()<Float16>();
    case DType::kBF16: return fn.template operator()<BFloat16>();
    case DType::kI64: return fn.template operator()<int64_t>();
    case DType::kI32: return fn.template operator()<int32_t>();
    case DType::kI16: return fn.template operator()<int16_t>();
    case DType::kI8: return fn.template operator()<int8_t>();
    case DType::kU64: return fn.template operator()<uint64_t>();
    case DType::kU32: return fn.template operator()<uint32_t>();
    case DType::kU16: return fn.template operator()<uint16_t>();
    case DType::kU8: return fn.template operator()<uint8_t>();
    case DType::kBool: break;
  }
  return fn.template operator()<bool>();
}

// Bytes of one element; a bool takes one byte.
inline size_t SizeOf(DType dtype) {
  return Dispatch(dtype, []<typename T>() { return sizeof(T); });
}

// float16 and bfloat16: computed with in float32, and rounded to.
inline bool IsNarrowFloat(DType dtype) { return dtype == DType::kF16 || dtype == DType::kBF16; }

inline bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF64 || IsNarrowFloat(dtype);
}

inline bool IsInteger(DType dtype) { return !IsFloat(dtype) && dtype != DType::kBool; }

// An unsigned integer or bool.
inline bool IsUnsigned(DType dtype) {
  return Dispatch(dtype, []<typename T>() { return std::is_unsigned_v<T>; });
}

// Range of an integer type; of bool 0 and 1.
struct IntegerLimits {
  int64_t lowest;
  uint64_t highest;
};
inline IntegerLimits LimitsOf(DType integer) {
  return Dispatch(integer, []<typename T>() -> IntegerLimits {
    if constexpr (std::is_integral_v<T>) {
      return {static_cast<int64_t>(std::numeric_limits<T>::min()),
              static_cast<uint64_t>(std::numeric_limits<T>::max())};
    }
    return {0, 0};
  });
}

// The nearest value of a float type, ties to even; of a 16-bit one by way of float32. Other types:
// `value`.
inline double RoundTo(DType dtype, double value) {
  switch (dtype) {
    case DType::kF32: return static_cast<float>(value);
    case DType::kF16: return Float16(static_cast<float>(value));
    case DType::kBF16: return BFloat16(static_cast<float>(value));
    default: return value;
  }
}

// Largest relative error of rounding to a float type; 0 for others.
inline double RoundoffOf(DType dtype) {
  switch (dtype) {
    case DType::kF64: return 0x1p-53;
    case DType::kF32: return 0x1p-24;
    case DType::kF16: return 0x1p-11;
    case DType::kBF16: return 0x1p-8;
    default: return 0;
  }
}

// The type in which sums of products of `dtype` are kept unless one is named: float32 for floats up
// to 32 bits, int32 for integers up to 16 bits, else the type itself.
inline DType AccumulatorOf(DType dtype) {
  if (IsNarrowFloat(dtype)) return DType::kF32;
  return IsInteger(dtype) && SizeOf(dtype) <= 2 ? DType::kI32 : dtype;
}

}  // namespace tilewright
