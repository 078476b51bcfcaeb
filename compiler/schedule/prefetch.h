// Where and what a loop nest asks the cache for, ahead of its use. Private to the folder.
#pragma once

#include <vector>

#include "compiler/schedule/schedule.h"

namespace tilewright {

// Each step, an iteration of the outer loops below the driver and of the first `inner_steps` loops
// of the tile, asks for the cache lines of `elements`.
struct PiecePrefetch {
  int inner_steps = 0;
  std::vector<Expr> elements;  // row-major
};

// The row-major element that `body` loads from `buffer`. REQUIRES: it does so once.
Expr ElementRead(const Expr& body, const Buffer& buffer);

// A loop, and those below it: the outer ones, then those of the tile.
struct PieceLoops {
  LoopLeaf driver;
  std::vector<LoopLeaf> outer, inner;
};

// One iteration of the driver reads a piece of the buffer, contiguous but for what unrolled loops
// reach beyond the next piece: `element`, over all loops below. Plans steps that together cover the
// piece of the driver's next iteration: as deep in the nest as gives each step a line of its own,
// or one that the steps beside it ask for too; unrolled loops repeat no request. Requests in a
// bunch would fill the CPU's queue of misses, for which the loads of what is computed would wait.
PiecePrefetch PlanPrefetch(const Buffer& buffer, const Expr& element, const PieceLoops& below);

}  // namespace tilewright
