// What every template does with a workload's epilogue.
#pragma once

#include <vector>

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/operators/define.h"

namespace tilewright {

// Appends the epilogue's input buffers to `compute` and sets acc and result, which is of the
// output's type. `channel` is the index into a bias of `channels` elements; residuals have the
// output's buffer shape. REQUIRES: compute.output and compute.axes are set.
void FuseEpilogue(const Workload& workload, Expr channel, int64_t channels, Compute* compute);

// The same where the element at the compute's axes goes to a place of another buffer.
struct StoredTo {
  Buffer output;
  int64_t channels = 0;  // of a bias
  OutputPlace place;
};
void FuseEpilogueAt(const Workload& workload, const StoredTo& to, Compute* compute);

}  // namespace tilewright
