// Class probabilities out of those of each pair of classes.
#pragma once

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// pairs [N, k(k-1)/2]: of classes i < j, in the order (0,1), (0,2), ..., (1,2), ..., how probable i
// is against j, within (0, 1). -> [N, k], by the second method of Wu, Lin and Weng (Probability
// estimates for multi-class classification by pairwise coupling, 2004), with the iteration and the
// tolerance of LIBSVM. REQUIRES: float32; k >= 2.
absl::StatusOr<ValueId> CouplePairs(OpBuilder& b, ValueId pairs, int64_t classes);

}  // namespace tilewright
