// The lowering behind Schedule::Lower: loop nest + guards -> statements. Private to the folder.
#pragma once

#include <vector>

#include "compiler/loop/compute.h"
#include "compiler/schedule/schedule.h"

namespace tilewright {

struct NestSpec {
  const Compute* compute = nullptr;
  std::vector<LoopLeaf> leaves;               // outer to inner
  const Substitution* definitions = nullptr;  // split variables -> parts
  std::vector<Expr> spatial_guards, reduce_guards, store_guards;
  int parallel = 0;       // outermost loops collapsed into one parallel loop
  int accumulate_at = 0;  // outer loops; the accumulators cover the loops below
  NextPiece prefetch;
  StorePlace store;
  Expr initial;  // what sums start from; null: 0, or as the reducer has it
};

Program LowerNest(const NestSpec& spec);

}  // namespace tilewright
