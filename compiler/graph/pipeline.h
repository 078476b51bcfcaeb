// The graph passes in order, each with a switch, a timer, a dump and a verification.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "compiler/core/target.h"
#include "compiler/graph/graph.h"

namespace tilewright {

// Evaluates a node whose inputs are all constants. Injected, because graph/ has no code generator;
// the driver runs small ones in the interpreter and large ones as compiled code.
using ConstantEvaluator =
    std::function<absl::StatusOr<Tensor>(const Compute& compute, std::vector<Tensor> inputs)>;

struct PassContext {
  Target target;  // resolved; decides the channel block
  ConstantEvaluator evaluate;
};

struct PassInfo {
  std::string name;     // "fold_constants", as in --disable-pass
  std::string summary;  // one line for `tilewright passes`
  absl::Status (*run)(Graph& graph, const PassContext& context);
};

// In order; the reason for the order is on each line of pipeline.cc.
const std::vector<PassInfo>& Passes();

struct PipelineOptions {
  std::set<std::string> disabled;
  // Called after each pass that ran (for dumps and timings); may be null.
  std::function<void(const PassInfo&, const Graph&, double seconds)> after_pass;
};

// Runs all enabled passes, Verify after each. InvalidArgument for an unknown disabled name
// (lists the known); Internal when a pass breaks the graph (names it).
absl::Status RunPasses(Graph& graph, const PassContext& context, const PipelineOptions& options);

// The tunable workloads of a (layout-chosen, fused) graph with their multiplicity, in order of
// first appearance.
struct ExtractedWorkload {
  Workload workload;
  int count = 0;                   // nodes that need it
  std::vector<std::string> nodes;  // their names
};
std::vector<ExtractedWorkload> ExtractWorkloads(const Graph& graph);

// The alignment that kernels of a CPU want of their arguments, in bytes.
inline constexpr int64_t kArenaAlignment = 64;

// Where every non-constant value lives during a run: byte offsets into one arena, multiples of the
// alignment; values whose lifetimes overlap never overlap in memory.
struct MemoryPlan {
  // Intermediate values only: not inputs, outputs, what is reshaped to outputs, constants.
  std::map<ValueId, int64_t> offsets;
  std::vector<std::vector<int64_t>> scratch;  // offsets, as scratch_bytes
  int64_t arena_bytes = 0;
};
// scratch_bytes[i] are the sizes of what node i alone needs while it runs; nodes beyond the end
// need nothing.
MemoryPlan PlanMemory(const Graph& graph,
                      const std::vector<std::vector<int64_t>>& scratch_bytes = {},
                      int64_t alignment = kArenaAlignment);

}  // namespace tilewright
