// What every template does with a workload's epilogue.
#pragma once

#include <vector>

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// Appends the epilogue's input buffers to `compute` and sets acc and result, which is of the
// output's type. `channel` is the
// index into a bias of `channels` elements; residuals have the output's buffer shape.
// REQUIRES: compute.output and compute.axes are set.
void FuseEpilogue(const Workload& workload, Expr channel, int64_t channels, Compute* compute);

// The same where the element at the compute's axes goes to `position` of `output`.
void FuseEpilogueAt(const Workload& workload, Expr channel, int64_t channels, const Buffer& output,
                    const std::vector<Expr>& position, Compute* compute);

}  // namespace tilewright
