// How kernel text and instructions call an element type: "f32", "bf16", "i8", "u64", "bool".
#pragma once

#include <string>

#include "compiler/core/dtype.h"

namespace tilewright {

inline std::string SuffixOf(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "f32";
    case DType::kF64: return "f64";
    case DType::kF16: return "f16";
    case DType::kBF16: return "bf16";
    case DType::kBool: return "bool";
    default: break;
  }
  std::string suffix = IsUnsigned(dtype) ? "u" : "i";
  return suffix += std::to_string(8 * SizeOf(dtype));
}

}  // namespace tilewright
