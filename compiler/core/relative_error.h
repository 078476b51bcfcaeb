// How far a result is from what it should be.
#pragma once

#include "compiler/core/tensor.h"

namespace tilewright {

// The largest difference of two elements, relative to the largest element wanted (absolute where
// all are 0); infinite where one is not finite. REQUIRES: equal shapes.
double RelativeError(const Tensor& got, const Tensor& want);

}  // namespace tilewright
