// Recognising a*x + b in a definition: what can be folded into weights.
#pragma once

#include <optional>

#include "compiler/graph/graph.h"

namespace tilewright {

// e == scale * load + shift with neither depending on `buffer`. Null scale means 1, null shift 0.
struct AffineMap {
  Expr scale, shift;
};

// nullopt unless `e` is affine in the one load of `buffer`, by sums, products and quotients.
std::optional<AffineMap> AffineInLoad(const Expr& e, const Buffer& buffer);

}  // namespace tilewright
