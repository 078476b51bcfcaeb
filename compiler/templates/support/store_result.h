// The end of kernels that write their loops themselves: a sum through its epilogue.
#pragma once

#include <vector>

#include "compiler/loop/compute.h"

namespace tilewright {

// Stores what the definition's result makes of `sum` at `position`, which stands for its axes.
Stmt StoreResult(const Compute& compute, const std::vector<Expr>& position, const Expr& sum);

}  // namespace tilewright
