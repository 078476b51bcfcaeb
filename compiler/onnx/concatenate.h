// Joining tensors along a dimension, for Concat and for what loops collect, and taking them apart.
#pragma once

#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// The pieces in order along `axis`; those without elements there are left out. Many pieces are
// joined in groups, and the groups again, so that the code grows with their number and no kernel
// has more arguments than compile well. InvalidArgument when types or other extents differ.
// REQUIRES: at least one piece; axis < rank of the first.
absl::StatusOr<ValueId> Concatenate(OpBuilder& b, const std::vector<ValueId>& pieces, size_t axis);

// One value per step, joined along a new dimension. InvalidArgument when it is out of range.
absl::StatusOr<ValueId> Stack(OpBuilder& b, std::vector<ValueId> values, size_t axis);

// Element `index` of dimension `axis`, which vanishes. REQUIRES: both are in range.
absl::StatusOr<ValueId> ElementAt(OpBuilder& b, ValueId value, size_t axis, int64_t index);

// Elements [begin, end) of dimension `axis`.
struct AxisRange {
  size_t axis;
  int64_t begin, end;
};
// REQUIRES: all are in range.
absl::StatusOr<ValueId> RangeOf(OpBuilder& b, ValueId value, const AxisRange& range);

}  // namespace tilewright
