// Conditions of a loop nest: proving, partitioning and placing them. Private to the folder.
#pragma once

#include <optional>
#include <vector>

#include "compiler/loop/simplify.h"
#include "compiler/loop/visit.h"

namespace tilewright {

// Conjunction as a list of its atoms.
std::vector<Expr> SplitConjunction(const Expr& condition);

// The conditions of what an expression chooses between.
std::vector<Expr> ChoicesOf(const Expr& e);

// Decided value of a condition under the ranges; nullopt = not decided.
std::optional<bool> Decide(const Expr& condition, const Ranges& ranges);

// Distinct variables of an expression.
std::vector<Expr> VariablesOf(const Expr& e);

// Consecutive iterations [lo, hi] of a loop.
struct Iterations {
  int64_t lo, hi;
};

// Splits [0, extent) so that in the longest middle part every atom that only border iterations can
// break is proven; the border iterations stand alone. One part when nothing is gained. `ranges`
// holds every other variable of the atoms. At most 4 border iterations a side are split off.
std::vector<Iterations> PartitionLoop(const Expr& var, int64_t extent,
                                      const std::vector<Expr>& atoms, const Ranges& ranges);

// When `atom` has no variable but `var` and holds exactly for var in [0, e): e. For shortening
// unrolled and vectorised tails. REQUIRES: extent is small.
std::optional<int64_t> PrefixLength(const Expr& atom, const Expr& var, int64_t extent);

}  // namespace tilewright
