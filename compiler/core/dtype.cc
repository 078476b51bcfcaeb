#include "compiler/core/dtype.h"

#include <array>
#include <utility>

namespace tilewright {
namespace {

struct Entry {
  DType dtype;
  std::string_view name;
  size_t bytes;
};

constexpr std::array<Entry, 8> kEntries = {{{DType::kF32, "float32", 4},
                                            {DType::kF64, "float64", 8},
                                            {DType::kI64, "int64", 8},
                                            {DType::kI32, "int32", 4},
                                            {DType::kI16, "int16", 2},
                                            {DType::kI8, "int8", 1},
                                            {DType::kU8, "uint8", 1},
                                            {DType::kBool, "bool", 1}}};

}  // namespace

size_t SizeOf(DType dtype) { return kEntries[static_cast<size_t>(dtype)].bytes; }

std::string_view NameOf(DType dtype) { return kEntries[static_cast<size_t>(dtype)].name; }

std::optional<DType> ParseDType(std::string_view name) {
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

bool IsFloat(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }

}  // namespace tilewright
