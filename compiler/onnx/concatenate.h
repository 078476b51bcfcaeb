// Joining tensors along a dimension, for Concat and for what loops collect.
#pragma once

#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// The pieces in order along `axis`; those without elements there are left out. Many pieces are
// joined in groups, and the groups again, so that the code grows with their number and no kernel
// has more arguments than compile well. InvalidArgument when types or other extents differ.
// REQUIRES: at least one piece; axis < rank of the first.
absl::StatusOr<ValueId> Concatenate(OpBuilder& b, const std::vector<ValueId>& pieces, size_t axis);

}  // namespace tilewright
