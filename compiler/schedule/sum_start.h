// Where sums of integers start.
#pragma once

#include "compiler/loop/compute.h"

namespace tilewright {

// What `compute` adds to its sum of integers first of all, an element of an input (a bias): null
// where it adds none. Its result is without it then, and gives the same integers where sums start
// from it in place of 0: int32 wraps in whatever order it adds. Floats do not.
Expr TakeAddend(Compute* compute);

}  // namespace tilewright
