// Normalisation by mean and spread, for the operators that are made of it. REQUIRES: x is of
// floats.
#pragma once

#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// Both with extent 1 in the reduced axes.
struct Moments {
  ValueId mean, inverse_deviation;
};

// Over `axes` (sorted): the mean, and 1 / sqrt(variance + epsilon).
absl::StatusOr<Moments> FindMoments(OpBuilder& b, ValueId x, const std::vector<size_t>& axes,
                                    double epsilon);
// 1 / sqrt(mean of squares + epsilon) over `axes`, with extent 1 there.
absl::StatusOr<ValueId> InverseRootMeanSquare(OpBuilder& b, ValueId x,
                                              const std::vector<size_t>& axes, double epsilon);

// Both broadcast to what they are applied to.
struct ScaleAndBias {
  ValueId scale, bias = kNoValue;
};
// (x - mean) * inverse * scale + bias; mean and bias may be kNoValue. InvalidArgument for what does
// not fit.
absl::StatusOr<ValueId> Normalize(OpBuilder& b, ValueId x, const Moments& m,
                                  const ScaleAndBias& to);

// x [N, C, ...] within groups of neighbouring channels; scale and bias are one for each channel, or
// for each group.
struct ChannelGroups {
  int64_t count;
  double epsilon;
  ValueId scale, bias;
  bool per_group = false;
};
absl::StatusOr<ValueId> NormalizeGroups(OpBuilder& b, ValueId x, const ChannelGroups& groups);

// Dimensions first, first + 1, ... of so many.
std::vector<size_t> AxesFrom(size_t first, size_t rank);

}  // namespace tilewright
