// About how long a matrix product on tensor cores takes, from its tile sizes alone: what chooses
// the default among the configs of a space.
#pragma once

#include "compiler/core/gpu_traits.h"
#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

// Seconds: the slowest of multiplication, shared memory, copies, cache and latency, for each set of
// blocks that is resident at once. Of use to compare schedules of one product only.
double TensorCoreSeconds(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                         const TileOp& multiply, const GpuTraits& traits);

}  // namespace tilewright
