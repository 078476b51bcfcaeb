// Matrix products on tensor cores whose depth is split over blocks, for outputs of few tiles: each
// part is summed by itself, then another kernel adds the parts and does the epilogue.
#pragma once

#include "compiler/templates/lowered_task.h"
#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

// Two steps; the one buffer between them holds the parts' sums. The gemm's inputs are the task's
// arguments, the first two left and right in either order. REQUIRES: as LowerTensorCore.
LoweredTask LowerSplitDepth(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                            const TileOp& multiply);

}  // namespace tilewright
