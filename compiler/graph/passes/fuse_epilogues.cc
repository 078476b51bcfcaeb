// anchor -> bias, residual, scale, activation   becomes   the anchor with an epilogue, when nothing
// else reads what is in between (epilogue_steps.h). What 16-bit floats were rounded to in between
// is not rounded any more: an epilogue computes in the type of the sums.
#include <algorithm>

#include "compiler/graph/edit.h"
#include "compiler/graph/epilogue_steps.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {
namespace {

bool CanTake(const Graph& graph, const Node* anchor) {
  return anchor != nullptr && anchor->workload && OperatorOf(*anchor->workload).weighted &&
         HasPlainLayouts(*anchor->workload) && OnlyConsumer(graph, anchor->output) >= 0;
}

// The steps of a map that only post-processes input `i`, which it takes once.
std::vector<FusedStep> MatchSteps(const Node& map, size_t i) {
  if (std::count(map.inputs.begin(), map.inputs.end(), map.inputs[i]) != 1) return {};
  return MatchEpilogue(map.compute, map.compute.inputs[i]);
}

// The map's node becomes the anchor with the steps appended; the old anchor dies.
void Fuse(Graph& graph, int at, Node anchor, const std::vector<FusedStep>& steps) {
  const Node map = graph.nodes[at];
  for (const FusedStep& step : steps) {
    anchor.workload->epilogue.push_back(step.op);
    if (step.operand == nullptr) continue;
    const auto& buffers = map.compute.inputs;
    const size_t slot =
        std::find(buffers.begin(), buffers.end(), step.operand->buffer) - buffers.begin();
    ValueId operand = map.inputs[slot];
    if (OperandOf(step.op.kind) == EpilogueOperand::kPerChannel) {
      operand = Reshaped(graph, operand, {map.compute.output->shape[1]});
    }
    anchor.inputs.push_back(operand);
  }
  anchor.compute = Define(*anchor.workload);
  anchor.output = map.output;
  graph.nodes[at] = std::move(anchor);
}

// Among a sum of two anchors' outputs the later one takes the other as its residual.
void TryFuse(Graph& graph, int at) {
  std::vector<size_t> slots(graph.nodes[at].inputs.size());
  for (size_t i = 0; i < slots.size(); ++i) slots[i] = i;
  const std::vector<ValueId> inputs = graph.nodes[at].inputs;
  std::sort(slots.begin(), slots.end(), [&](size_t a, size_t b) {
    return graph.values[inputs[a]].producer > graph.values[inputs[b]].producer;
  });
  for (size_t slot : slots) {
    const Node* anchor = ProducerOf(graph, inputs[slot]);
    if (!CanTake(graph, anchor)) continue;
    const std::vector<FusedStep> steps = MatchSteps(graph.nodes[at], slot);
    if (steps.empty()) continue;
    const int old = graph.values[inputs[slot]].producer;
    Fuse(graph, at, *anchor, steps);
    graph.nodes[old].inputs.clear();  // dead, and no reader of anything
    return;
  }
}

}  // namespace

absl::Status FuseEpilogues(Graph& graph, const PassContext&) {
  const int original = static_cast<int>(graph.nodes.size());
  for (int at = 0; at < original; ++at) {
    if (!graph.nodes[at].workload) TryFuse(graph, at);
  }
  SortNodes(graph);
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
