// What a model's kernels need of its constant weights, computed at compile time. Used by
// CompileModel.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"
#include "compiler/templates/lowered_task.h"

namespace tilewright {

// By (task, weights): the task's buffers; those that are scratch are empty.
using PreparedWeights = std::map<std::pair<int, ValueId>, std::vector<Tensor>>;

// task_of[i] is the task of node i, -1 for none. Runs on this machine, whatever the target.
absl::StatusOr<PreparedWeights> PrepareWeights(const Graph& graph,
                                               const std::vector<LoweredTask>& tasks,
                                               const std::vector<int>& task_of);

}  // namespace tilewright
