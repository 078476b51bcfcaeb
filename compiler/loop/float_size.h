// What is known of the size of floats from their expressions alone.
#pragma once

#include <optional>

#include "compiler/loop/expr.h"

namespace tilewright {

// min(max(of, lowest), highest) of float literals.
struct Clip {
  Expr of;
  double lowest, highest;
};

// nullopt where `e` is anything else.
std::optional<Clip> ClipOf(const Expr& e);

// The largest |e| of float32 or float64, whatever is loaded, unless it is NaN; infinity where
// nothing is known. To within rounding. Pure.
double LargestSize(const Expr& e);

}  // namespace tilewright
