// Parts of inputs that a block keeps in shared memory for a while. Private to the folder.
#pragma once

#include <vector>

#include "compiler/loop/simplify.h"
#include "compiler/loop/visit.h"

namespace tilewright {

struct StagedInput {
  Buffer source, shared;
  std::vector<Expr> first;        // lowest indices that the stage reads
  std::vector<int64_t> dilation;  // indices from element to element, by dimension; empty: 1
  Expr load;                      // the body's load, from shared memory
};

// The box of `source`, as StagedType, that `body` reads while the variables of `varying` run
// through their ranges; `origin` sets them to 0. REQUIRES: `body` loads from it once, by sums that
// grow with each.
StagedInput StageInput(const Expr& body, const Buffer& source, const Ranges& varying,
                       const Substitution& origin);

// Whether an element lies among the indices of the box; null: one always does (dilation may leave a
// small box empty). The same for all threads of a block.
Expr HasElements(const StagedInput& stage);

// All threads copy the box; elements outside the source are zero. `thread` counts them from 0.
Stmt CopyTogether(const StagedInput& stage, const Expr& thread, int64_t threads);

}  // namespace tilewright
