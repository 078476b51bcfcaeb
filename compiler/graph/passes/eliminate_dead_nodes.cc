// Removes nodes whose value no output needs, and those that only copy their input (Identity,
// Dropout at inference, casts to the same type).
#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

bool IsCopy(const Compute& compute) {
  return IsMap(compute) && compute.inputs.size() == 1 &&
         ValueOf(compute)->kind == ExprKind::kLoad && ReadsAtAxes(compute, compute.inputs[0]);
}

}  // namespace

absl::Status EliminateDeadNodes(Graph& graph, const PassContext&) {
  for (const Node& node : graph.nodes) {
    if (!node.workload && IsCopy(node.compute)) {
      const ValueId output = node.output, input = node.inputs[0];
      ReplaceUses(graph, output, input);
    }
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
