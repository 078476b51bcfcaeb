// data movement -> pack   becomes   one pack that reads where the movement read, when rows of the
// innermost dimension stay whole (a channel shuffle before a blocked convolution): a pass over
// memory is saved. Indices of channels may need divisions then, which are the same for a whole row.
#include "absl/strings/str_cat.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// True for a copy of whole rows from elsewhere: no other index depends on the place in the row.
bool MovesRows(const Compute& compute) {
  if (!IsMap(compute) || compute.axes.size() < 3) return false;
  const Expr value = ValueOf(compute);
  if (value->kind != ExprKind::kLoad || value->operands.empty()) return false;
  const Expr& column = compute.axes.back().var;
  for (size_t d = 0; d + 1 < value->operands.size(); ++d) {
    if (UsesVar(value->operands[d], column)) return false;
  }
  return value->operands.back() == column;
}

void TryFuse(Graph& graph, Node& pack) {
  const ValueId moved = pack.inputs[0];
  const Node* movement = ProducerOf(graph, moved);
  if (movement == nullptr || movement->workload || IsReshape(movement->compute) ||
      !MovesRows(movement->compute) || OnlyConsumer(graph, moved) < 0) {
    return;
  }
  std::optional<Compute> fused = Inline(movement->compute, pack.compute, pack.compute.inputs[0]);
  if (!fused) return;
  std::vector<ValueId> inputs = movement->inputs;
  pack.op = absl::StrCat(movement->op, "_", pack.op);
  pack.to_layout.clear();
  pack.compute = NormalizeInputs(*fused, &inputs);
  pack.inputs = std::move(inputs);
}

}  // namespace

absl::Status FuseLayoutChanges(Graph& graph, const PassContext&) {
  for (Node& node : graph.nodes) {
    if (IsPack(node)) TryFuse(graph, node);
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
