// The softmax and its logarithm over some axes, for the operators that contain one.
#pragma once

#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// exp(x) / sum(exp(x)) over `axes` (sorted), and its logarithm; neither overflows. InvalidArgument
// unless x is a float tensor. `empty_rows`: where all are -inf the softmax is 0 instead of NaN.
absl::StatusOr<ValueId> SoftmaxOver(OpBuilder& b, ValueId x, const std::vector<size_t>& axes,
                                    bool empty_rows = false);
absl::StatusOr<ValueId> LogSoftmaxOver(OpBuilder& b, ValueId x, const std::vector<size_t>& axes);

}  // namespace tilewright
