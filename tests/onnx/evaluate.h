// Runs a graph node by node with the reference interpreter.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"

namespace tilewright {

// Outputs in the order of graph.outputs. InvalidArgument for an input that is missing or of
// another type than the graph's.
absl::StatusOr<std::vector<Tensor>> EvaluateGraph(const Graph& graph,
                                                  const std::map<std::string, Tensor>& inputs);

}  // namespace tilewright
