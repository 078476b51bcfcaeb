// Matrix products whose depth is split over blocks, for outputs of few tiles: each part is summed
// by itself, then another kernel adds the parts and does the epilogue, or the last block does.
#pragma once

#include <functional>

#include "compiler/templates/lowered_task.h"
#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

// Two steps: what `lower` makes of the parts' products, then their sum, in so many parts of the
// dtype. The one buffer between them holds the parts. The gemm's inputs are the task's arguments,
// the first two left and right in either order.
LoweredTask LowerSplitDepth(const TensorCoreGemm& gemm, int64_t parts, DType sums,
                            const std::function<Program(const TensorCoreGemm&)>& lower);

// One step: a program over the task's arguments which may write parts and counters before its
// output (compiler/schedule/part_sums.h). These are buffers; the counters' zeros are prepared.
LoweredTask LowerLastBlock(Program program);

}  // namespace tilewright
