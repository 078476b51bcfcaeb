// The attributes of ai.onnx.ml's tree ensembles.
#pragma once

#include <string>
#include <vector>

#include "compiler/onnx/forest.h"

namespace tilewright {

// Of TreeEnsembleRegressor ("target") and TreeEnsembleClassifier ("class"): nodes that are named by
// a tree and a number. Targets are left to the caller. InvalidArgument says which attributes do not
// fit each other.
absl::StatusOr<Forest> ReadNamedForest(OpBuilder& b, const std::string& weights);

// Of TreeEnsemble: inner nodes and leaves are lists of their own.
absl::StatusOr<Forest> ReadIndexedForest(OpBuilder& b);

// A list of numbers in the attribute `name`, or as a tensor in `name`_as_tensor; empty for neither.
absl::StatusOr<std::vector<double>> ReadNumbers(OpBuilder& b, const std::string& name);

}  // namespace tilewright
