// How the loops of schedules without knobs are shared out among threads. Private to the folder.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/loop/compute.h"

namespace tilewright {

// Elements a parallel iteration should at least produce, so that a hand-over to another thread
// (microseconds) is small against the work.
inline constexpr int64_t kParallelGrain = 4096;
// Enough for an even share of each of a machine's threads.
inline constexpr int64_t kParallelIterations = 16;

// Outermost of the loops to collapse over threads: as few as give kParallelIterations, while each
// keeps at least kParallelGrain of the `work` elements of all. 0: none.
int ParallelLoops(const std::vector<Axis>& loops, int64_t work);

// `body` within the loops, outermost first, the first ParallelLoops of them collapsed into one
// parallel loop.
Stmt ParallelNest(const std::vector<Axis>& loops, int64_t work, Stmt body);

}  // namespace tilewright
