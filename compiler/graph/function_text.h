// Recognising one function in the many ways models write it.
#pragma once

#include <optional>
#include <string>

#include "compiler/loop/expr.h"

namespace tilewright {

// `e` without its conversions between float32 and a 16-bit float.
Expr Unrounded(Expr e);

// x of min(max(x, lo), hi) with literals, in either order or one of both alone; the bound that is
// missing is infinite. nullopt for anything else, lo > hi included.
struct ClipForm {
  Expr x;
  double lo, hi;
};
std::optional<ClipForm> MatchClip(const Expr& e);

// The canonical text of `e` as a function of the real number `x`, an expression in it: a sum of
// products of powers of x and of calls, with coefficients to six digits. Equal texts are equal
// functions but for rounding; equal functions have equal texts where they differ only in the order
// and the association of sums and products, in where constant factors stand, in the form of clips,
// in small powers and in Unrounded. Empty when `e` has other loads or
// variables, is no float or grows beyond 16 products.
std::string FunctionText(const Expr& e, const Expr& x);

}  // namespace tilewright
