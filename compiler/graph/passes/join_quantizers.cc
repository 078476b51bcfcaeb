// Maps of narrow integers that give floats (dequantizers, and sums of what they give) become a part
// of the maps that read them, so that what stands between integers and integers is one map, which
// an anchor may take as its epilogue.
#include <algorithm>
#include <optional>

#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// A map that reads nothing but narrow integers, and gives floats.
bool Dequantizes(const Node& node) {
  const auto narrow = [](const Buffer& buffer) {
    return IsInteger(buffer->dtype) && SizeOf(buffer->dtype) <= 2;
  };
  const Compute& compute = node.compute;
  return !node.workload && IsMap(compute) && IsFloat(compute.output->dtype) &&
         !compute.inputs.empty() &&
         std::all_of(compute.inputs.begin(), compute.inputs.end(), narrow);
}

// With one input it is a product, which costs less than a tensor of floats.
bool MayJoin(const Graph& graph, const Node& producer) {
  return Dequantizes(producer) &&
         (producer.inputs.size() == 1 || OnlyConsumer(graph, producer.output) >= 0);
}

bool JoinOne(Graph& graph, Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Node* producer = ProducerOf(graph, node.inputs[i]);
    if (producer == nullptr || !MayJoin(graph, *producer)) continue;
    if (!ReadsAtAxes(node.compute, node.compute.inputs[i])) continue;
    const std::optional<Compute> joined =
        Inline(producer->compute, node.compute, node.compute.inputs[i]);
    if (!joined) continue;
    std::vector<ValueId> inputs = node.inputs;
    inputs.erase(inputs.begin() + static_cast<ptrdiff_t>(i));
    inputs.insert(inputs.end(), producer->inputs.begin(), producer->inputs.end());
    node.compute = NormalizeInputs(*joined, &inputs);
    node.inputs = std::move(inputs);
    return true;
  }
  return false;
}

}  // namespace

absl::Status JoinQuantizers(Graph& graph, const PassContext&) {
  for (Node& node : graph.nodes) {
    if (node.workload || !IsMap(node.compute)) continue;
    while (JoinOne(graph, node)) {
    }
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
