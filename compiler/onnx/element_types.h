// Sets of element types: which of them an operator takes.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "compiler/core/dtype.h"

namespace tilewright {

inline constexpr DType kAllDTypes[] = {
    DType::kF16, DType::kBF16, DType::kF32, DType::kF64, DType::kI8,  DType::kI16, DType::kI32,
    DType::kI64, DType::kU8,   DType::kU16, DType::kU32, DType::kU64, DType::kBool};

class ElementTypes {
 public:
  constexpr ElementTypes(std::initializer_list<DType> types) {  // NOLINT: implicit
    for (DType type : types) bits_ |= Bit(type);
  }
  constexpr bool Has(DType type) const { return (bits_ & Bit(type)) != 0; }
  constexpr ElementTypes operator|(ElementTypes other) const {
    other.bits_ |= bits_;
    return other;
  }
  constexpr ElementTypes Without(ElementTypes other) const {
    other.bits_ = bits_ & ~other.bits_;
    return other;
  }
  bool operator==(const ElementTypes&) const = default;

 private:
  static constexpr uint32_t Bit(DType type) { return uint32_t{1} << static_cast<int>(type); }
  uint32_t bits_ = 0;
};

inline constexpr ElementTypes kFloats = {DType::kF16, DType::kBF16, DType::kF32, DType::kF64};
inline constexpr ElementTypes kSigned = {DType::kI8, DType::kI16, DType::kI32, DType::kI64};
inline constexpr ElementTypes kUnsigned = {DType::kU8, DType::kU16, DType::kU32, DType::kU64};
inline constexpr ElementTypes kIntegers = kSigned | kUnsigned;
inline constexpr ElementTypes kNumbers = kFloats | kIntegers;
inline constexpr ElementTypes kBools = {DType::kBool};
// Of lengths and sizes.
inline constexpr ElementTypes kSizes = {DType::kI32, DType::kI64};
// Of sums of products that are wide enough.
inline constexpr ElementTypes kProducts = kFloats | kSizes | ElementTypes{DType::kU32, DType::kU64};
// Quantised values of eight bits; all that are read; and what is quantised.
inline constexpr ElementTypes kBytes = {DType::kI8, DType::kU8};
inline constexpr ElementTypes kQuantized =
    kBytes | ElementTypes{DType::kI16, DType::kU16, DType::kI32};
inline constexpr ElementTypes kQuantizable = {DType::kF16, DType::kBF16, DType::kF32};
inline constexpr ElementTypes kEveryType = kNumbers | kBools;

}  // namespace tilewright
