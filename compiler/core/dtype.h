// Element types of tensors. Values; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tilewright {

enum class DType { kF32, kF64, kI64, kI32, kI16, kI8, kU8, kBool };

// Bytes of one element; a bool takes one byte.
size_t SizeOf(DType dtype);

// numpy's name: "float32", "int64", "bool", ...
std::string_view NameOf(DType dtype);

// Inverse of NameOf; nullopt when the name is unknown.
std::optional<DType> ParseDType(std::string_view name);

bool IsFloat(DType dtype);

}  // namespace tilewright
