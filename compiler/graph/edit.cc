#include "compiler/graph/edit.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// Indices of nodes so that each follows the nodes it needs, visited from `roots` in order.
std::vector<int> PostOrder(const Graph& graph, const std::vector<int>& roots) {
  std::vector<int> order;
  std::vector<bool> seen(graph.nodes.size());
  // An explicit stack: a chain may be as long as the graph.
  std::vector<std::pair<int, size_t>> stack;
  for (int root : roots) {
    if (!seen[root]) stack.emplace_back(root, 0);
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      seen[node] = true;
      const std::vector<ValueId>& inputs = graph.nodes[node].inputs;
      if (next == inputs.size()) {
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      const int producer = graph.values[inputs[next++]].producer;
      if (producer >= 0 && !seen[producer]) stack.emplace_back(producer, 0);
    }
  }
  return order;
}

void KeepNodes(Graph& graph, const std::vector<int>& order) {
  std::vector<Node> kept;
  kept.reserve(order.size());
  for (int i : order) kept.push_back(std::move(graph.nodes[i]));
  graph.nodes = std::move(kept);
  for (Value& value : graph.values) value.producer = -1;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    graph.values[graph.nodes[i].output].producer = static_cast<int>(i);
  }
}

std::vector<int> AllNodes(const Graph& graph) {
  std::vector<int> all(graph.nodes.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

void EraseDeadNodes(Graph& graph) {
  std::vector<int> roots;
  for (ValueId output : graph.outputs) {
    if (graph.values[output].producer >= 0) roots.push_back(graph.values[output].producer);
  }
  std::vector<int> needed = PostOrder(graph, roots);
  std::sort(needed.begin(), needed.end());
  KeepNodes(graph, needed);
  const std::vector<int> readers = CountReaders(graph);
  for (size_t id = 0; id < graph.values.size(); ++id) {
    if (readers[id] == 0) graph.values[id].constant = Tensor();
  }
}

void SortNodes(Graph& graph) { KeepNodes(graph, PostOrder(graph, AllNodes(graph))); }

void ReplaceUses(Graph& graph, ValueId from, ValueId to) {
  TW_CHECK(graph.values[from].type == graph.values[to].type) << graph.values[from].name;
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
}

void AppendNode(Graph& graph, Node node) {
  graph.values[node.output].producer = static_cast<int>(graph.nodes.size());
  graph.nodes.push_back(std::move(node));
}

ValueId Reshaped(Graph& graph, ValueId value, const Shape& shape) {
  const Value& from = graph.values[value];
  if (from.type.shape == shape) return value;
  if (!from.constant.empty()) return graph.AddConstant(from.name, from.constant.Reshaped(shape));
  const Node* producer = ProducerOf(graph, value);
  if (producer != nullptr && IsReshape(producer->compute) &&
      graph.values[producer->inputs[0]].type.shape == shape) {
    return producer->inputs[0];
  }
  return graph.AddNode(absl::StrCat(from.name, "_reshaped"), "reshape", {value},
                       MakeReshape(from.type, shape));
}

int OnlyConsumer(const Graph& graph, ValueId value) {
  const std::vector<int> consumers = graph.ConsumersOf(value);
  return consumers.size() == 1 && !graph.IsOutput(value) ? consumers.front() : -1;
}

std::vector<int> CountReaders(const Graph& graph) {
  std::vector<int> readers(graph.values.size());
  for (const Node& node : graph.nodes) {
    for (ValueId id : std::set<ValueId>(node.inputs.begin(), node.inputs.end())) ++readers[id];
  }
  for (ValueId id : std::set<ValueId>(graph.outputs.begin(), graph.outputs.end())) ++readers[id];
  return readers;
}

const Node* ProducerOf(const Graph& graph, ValueId value) {
  const int producer = graph.values[value].producer;
  return producer < 0 ? nullptr : &graph.nodes[producer];
}

std::vector<ValueId> MemoryRoots(const Graph& graph) {
  std::vector<ValueId> roots(graph.values.size());
  std::iota(roots.begin(), roots.end(), 0);
  for (const Node& node : graph.nodes) {
    if (node.workload || !IsReshape(node.compute)) continue;
    const ValueId source = roots[node.inputs[0]];
    if (graph.values[source].producer < 0) continue;
    if (!graph.IsOutput(node.output)) {
      roots[node.output] = source;
    } else if (!graph.IsOutput(source)) {
      std::replace(roots.begin(), roots.end(), source, node.output);
    }
  }
  return roots;
}

bool OnlyRenames(const Node& node, const std::vector<ValueId>& memory_roots) {
  return !node.workload && IsReshape(node.compute) &&
         memory_roots[node.inputs[0]] == memory_roots[node.output];
}

}  // namespace tilewright
