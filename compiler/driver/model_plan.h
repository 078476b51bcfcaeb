// The execution plan of a compiled graph and its constants (runtime/package.h). Used by
// CompileModel.
#pragma once

#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/loop/stmt.h"
#include "runtime/package.h"

namespace tilewright {

// Makes every output a value of its own that a node computes: copies outputs that are inputs,
// constants or listed twice.
void GiveOutputsTheirOwnValues(Graph& graph);

// kernel_of[i] is the program of node i; nodes that only alias memory need none (-1).
struct ModelKernels {
  const std::vector<Program>& programs;
  std::vector<int> kernel_of;
};

struct ModelPlan {
  ExecutionPlan plan;
  std::string params;  // every constant at a multiple of 64 bytes
};

// Moves the constants out of the graph one by one, so that they are never held twice.
ModelPlan MakePlan(Graph graph, const ModelKernels& kernels);

}  // namespace tilewright
