// The execution plan of a compiled graph and its constants (runtime/package.h). Used by
// CompileModel.
#pragma once

#include <string>
#include <vector>

#include "compiler/driver/constant_pool.h"
#include "compiler/driver/prepare_weights.h"
#include "compiler/graph/graph.h"
#include "compiler/graph/pipeline.h"
#include "compiler/templates/lowered_task.h"
#include "runtime/package.h"

namespace tilewright {

// Makes every output a value of its own that a node computes: copies outputs that are inputs,
// constants or listed twice.
void GiveOutputsTheirOwnValues(Graph& graph);

// task_of[i] is the task of node i; nodes that only rename memory need none (-1).
struct ModelKernels {
  const std::vector<LoweredTask>& tasks;
  std::vector<int> task_of;
  PreparedWeights prepared;
  int64_t alignment = kArenaAlignment;  // of tensors in the arena
};

struct ModelPlan {
  ExecutionPlan plan;
  std::vector<std::string> call_workloads;  // of each call: its workload's key, "" for none
};

// Moves the constants out of the graph into `constants`, one by one, so that they are never held
// twice.
ModelPlan MakePlan(Graph graph, ModelKernels kernels, ConstantPool& constants);

}  // namespace tilewright
