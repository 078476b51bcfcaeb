// Which layers templates offer to split over blocks.
#pragma once

#include "compiler/core/tensor.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {

// Elements: tiles of 1024 leave an H100's 132 multiprocessors less than a block each.
inline constexpr int64_t kMostSplitOutputs = int64_t{1} << 17;

// Times the cost of direct summation: splits are taken by records, since no device has confirmed
// them yet.
inline constexpr double kUntunedSplit = 2;

// REQUIRES: a convolution or a dense layer, whose depth is the weight's second dimension.
inline bool MaySplit(const Workload& w) {
  return NumElements(OutputShape(w)) <= kMostSplitOutputs && w.inputs[1].shape[1] > 1;
}

}  // namespace tilewright
