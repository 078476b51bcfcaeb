// Joins axes that walk memory as one.
#pragma once

#include "compiler/loop/compute.h"

namespace tilewright {

// The same definition with as few axes as its indices allow: axes of one iteration are dropped, and
// neighbours that every tensor which uses them walks contiguously, the inner one over a whole
// dimension, become one. Inputs and the output keep their bytes and lose the dimensions (NCHW maps
// of 7x7 become rows of 49, which fill vectors). At least one axis stays.
Compute MergeAxes(Compute compute);

}  // namespace tilewright
