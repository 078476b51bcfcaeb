// Algebraic simplification of index arithmetic with known variable ranges.
#pragma once

#include <optional>
#include <unordered_map>

#include "compiler/loop/stmt.h"

namespace tilewright {

// Inclusive bounds of an integer.
struct Range {
  int64_t lo, hi;
};
// Variable (by node address) -> range.
using Ranges = std::unordered_map<const ExprNode*, Range>;

// Equivalent expression with: constants folded; integer sums in canonical linear form;
// (x*c + r) / c -> x and % c -> r when 0 <= r < c is provable; comparisons, min, max, && and ||
// decided when the ranges prove them; selects with constant conditions taken. Terminates; never
// larger by more than a constant factor.
Expr Simplify(const Expr& e, const Ranges& ranges);

// Simplifies every expression of a statement, learning ranges from the enclosing For loops (whose
// bounds are constant or bounded) and from the conditions of enclosing Ifs (comparisons of sums:
// the sum's bounds, and those that follow for its variables); removes loops of extent 0, inlines
// loops of extent 1, takes Ifs whose condition is decided. An empty kSeq when nothing is left.
Stmt Simplify(const Stmt& s, const Ranges& ranges = {});

// Provable bounds of an integer expression; nullopt when unbounded.
std::optional<Range> BoundsOf(const Expr& e, const Ranges& ranges);

// a*var + rest, with rest free of var; nullopt when `e` is not affine in var.
struct Affine {
  int64_t coefficient;
  Expr rest;
};
std::optional<Affine> AffineIn(const Expr& e, const Expr& var);

}  // namespace tilewright
