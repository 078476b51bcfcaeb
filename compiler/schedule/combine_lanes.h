// What a vectorised reduction leaves: an accumulator a lane. Private to the folder.
#pragma once

#include "compiler/loop/compute.h"
#include "compiler/schedule/schedule.h"

namespace tilewright {

// Combines the lanes of acc[rows..., lane], half with half, into lane 0: as many steps as the
// logarithm of their number, each of vectors. Rows are together in each step, so that one's
// operations hide another's latency.
Stmt CombineLanes(Reducer reducer, const Buffer& acc, const std::vector<LoopLeaf>& rows,
                  int64_t lanes);

}  // namespace tilewright
