// The convolution that Conv and its integer relatives share: attributes of the node, padding by 0.
#pragma once

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// data [N,C,spatial...] by weight [O,C/groups,kernel...] of one element type, plus bias [O] of the
// product's type unless it is kNoValue. With one or two spatial dimensions a tunable workload where
// there is one for the type (one dimension is an image of one row), else the plain definition.
// InvalidArgument for what does not fit.
absl::StatusOr<ValueId> Convolve(OpBuilder& b, ValueId data, ValueId weight, ValueId bias);

// [a, b, n] as [a, b, 1, n]: an image of one row; [a, b, h, w] itself.
absl::StatusOr<ValueId> AsImage(OpBuilder& b, ValueId value);

}  // namespace tilewright
