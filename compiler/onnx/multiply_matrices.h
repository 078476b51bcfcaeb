// The matrix products that MatMul, Gemm and their integer relatives share.
#pragma once

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// numpy.matmul of values of one element type. Matrix products become dense ([M,K] by a weight
// [N,K]) or batched workloads where there are some for the type. Of two computed matrices neither
// is worth packing: they are a batch of one. InvalidArgument for shapes that do not fit.
absl::StatusOr<ValueId> MultiplyMatrices(OpBuilder& b, ValueId x, ValueId y);

// [M,K] by [N,K] -> [M,N]. REQUIRES: shapes and types fit.
absl::StatusOr<ValueId> MultiplyByTransposed(OpBuilder& b, ValueId data, ValueId weight);

// InvalidArgument that names both shapes.
absl::Status DoNotMultiply(const Shape& a, const Shape& b);

}  // namespace tilewright
