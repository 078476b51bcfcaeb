// Tensors that tests write down or draw.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "compiler/core/tensor.h"

namespace tilewright {

using Tensors = std::map<std::string, Tensor>;  // a model's inputs by name

inline Tensor Floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor({DType::kF32, shape}, values);
}

// So many different values, from -1 on in steps of a thousandth: of few there are ties.
inline Tensor Random(Rng& rng, const Shape& shape, DType dtype = DType::kF32,
                     uint64_t values = 2001) {
  Tensor tensor({dtype, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.Set(i, static_cast<double>(rng.Below(values)) / 1000 - 1);
  }
  return tensor;
}

}  // namespace tilewright
