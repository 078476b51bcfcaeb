// A reduction that is split over blocks: each leaves its sums in memory, and the last block of a
// tile adds those of all parts, always in one order, so that results do not depend on which came
// last (NVIDIA's sample threadFenceReduction). One kernel does all, and no block waits for another.
#pragma once

#include <functional>
#include <vector>

#include "compiler/loop/compute.h"

namespace tilewright {

class PartSums {
 public:
  PartSums() = default;
  // Of the compute's sums, in their type.
  PartSums(const Compute& compute, DType sums, int64_t parts);
  // The part that a block sums and the number of its tile, of so many. REQUIRES: once.
  void SetBlocks(Expr part, Expr tile, int64_t tiles);

  // Adds the parts and counters to the parameters, which the output follows. Counters are 0 before
  // the program runs, and after it again.
  void AddTo(Program* program) const;

  // A thread leaves the block's sum at a place of the compute's axes.
  Stmt Leave(const std::vector<Expr>& axes, const Expr& sum) const;
  // A part's sum there.
  Expr Of(const Expr& part, const std::vector<Expr>& axes) const;
  // `leave`, then in the last block: `zero`, `add` of each part, `results`.
  Stmt InLastBlock(Stmt leave, Stmt zero, const std::function<Stmt(const Expr& part)>& add,
                   Stmt results) const;

 private:
  std::vector<int64_t> shape_;  // parts, axes
  Buffer partial_, counters_;
  Expr part_, tile_;
};

}  // namespace tilewright
