#include "compiler/onnx/model_names.h"

#include <unordered_set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// Names of initializers or inputs, each once.
template <typename Items>
absl::Status CheckOnce(const Items& items, absl::string_view what,
                       std::unordered_set<std::string>& names) {
  for (const auto& item : items) {
    if (item.name().empty()) return absl::InvalidArgumentError(absl::StrCat(what, " has no name"));
    if (names.insert(item.name()).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("duplicate name: two ", what, "s are named \"", item.name(), "\""));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Describe(const onnx::NodeProto& node) {
  const std::string& name =
      !node.name().empty() || node.output_size() == 0 ? node.name() : node.output(0);
  return absl::StrCat("node \"", name, "\" (", node.op_type(), ")");
}

absl::StatusOr<ModelNames> ModelNames::Collect(const onnx::GraphProto& graph) {
  ModelNames names(graph);
  std::unordered_set<std::string> inputs, given;
  TW_RETURN_IF_ERROR(CheckOnce(graph.input(), "input", inputs));
  TW_RETURN_IF_ERROR(CheckOnce(graph.initializer(), "initializer", given));
  given.merge(inputs);
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& output : graph.node(i).output()) {
      if (output.empty()) continue;
      if (!given.contains(output) && names.producer_.emplace(output, i).second) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          Describe(graph.node(i)), ": duplicate name: \"", output, "\" is defined already"));
    }
  }
  return names;
}

// The inputs of a node and the names that the graphs among its attributes (the branches of If, the
// bodies of Loop and Scan) take from outside.
std::vector<std::string> ModelNames::ReadsOf(const onnx::NodeProto& node) {
  std::vector<std::string> reads(node.input().begin(), node.input().end());
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    const onnx::GraphProto& body = attribute.g();
    std::unordered_set<std::string> inner;
    for (const auto& input : body.input()) inner.insert(input.name());
    for (const auto& tensor : body.initializer()) inner.insert(tensor.name());
    for (const auto& made : body.node()) inner.insert(made.output().begin(), made.output().end());
    const auto add = [&](const std::string& name) {
      if (!inner.contains(name)) reads.push_back(name);
    };
    for (const auto& reader : body.node()) {
      for (const std::string& name : ReadsOf(reader)) add(name);
    }
    for (const auto& output : body.output()) add(output.name());
  }
  return reads;
}

// Depth first on an explicit stack: a chain may be as long as the graph.
absl::Status ModelNames::Visit(int root, std::vector<char>& state, std::vector<int>& order) const {
  constexpr char kOpen = 1, kDone = 2;
  struct Open {
    int node;
    std::vector<std::string> reads;
    size_t next = 0;
  };
  std::vector<Open> stack;
  const auto enter = [&](int node) {
    state[node] = kOpen;
    stack.push_back({node, ReadsOf(graph_->node(node))});
  };
  if (state[root] == 0) enter(root);
  while (!stack.empty()) {
    Open& top = stack.back();
    if (top.next == top.reads.size()) {
      state[top.node] = kDone;
      order.push_back(top.node);
      stack.pop_back();
      continue;
    }
    const std::string& name = top.reads[top.next++];
    const auto producer = producer_.find(name);
    if (producer == producer_.end() || state[producer->second] == kDone) continue;
    if (state[producer->second] == kOpen) {
      const absl::Status cycle = ExplainMissing(name, top.node);
      return absl::Status(cycle.code(),
                          absl::StrCat(Describe(graph_->node(top.node)), ": ", cycle.message()));
    }
    enter(producer->second);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int>> ModelNames::Order() const {
  std::vector<char> state(static_cast<size_t>(graph_->node_size()));
  std::vector<int> order;
  for (const onnx::ValueInfoProto& output : graph_->output()) {
    const auto producer = producer_.find(output.name());
    if (producer == producer_.end()) continue;
    TW_RETURN_IF_ERROR(Visit(producer->second, state, order));
  }
  return order;
}

bool ModelNames::DependsOn(int from, int to) const {
  std::vector<int> pending = {from};
  std::unordered_set<int> seen = {from};
  while (!pending.empty()) {
    const int node = pending.back();
    pending.pop_back();
    for (const std::string& input : ReadsOf(graph_->node(node))) {
      const auto producer = producer_.find(input);
      if (producer == producer_.end()) continue;
      if (producer->second == to) return true;
      if (seen.insert(producer->second).second) pending.push_back(producer->second);
    }
  }
  return false;
}

absl::Status ModelNames::ExplainMissing(const std::string& name, int reader) const {
  const auto producer = producer_.find(name);
  if (producer == producer_.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("reads \"", name, "\", which nothing in the model defines"));
  }
  const std::string maker = Describe(graph_->node(producer->second));
  if (producer->second == reader || DependsOn(producer->second, reader)) {
    return absl::InvalidArgumentError(absl::StrCat("the nodes form a cycle: reads \"", name,
                                                   "\", which ", maker,
                                                   " computes from this node's own result"));
  }
  return absl::UnimplementedError(
      absl::StrCat("reads \"", name, "\", an output of ", maker, " that is not supported"));
}

absl::Status ModelNames::ExplainMissingOutput(const std::string& name) const {
  const auto producer = producer_.find(name);
  if (producer == producer_.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("output \"", name, "\" is defined by nothing in the model"));
  }
  return absl::UnimplementedError(absl::StrCat("output \"", name, "\" is an output of ",
                                               Describe(graph_->node(producer->second)),
                                               " that is not supported"));
}

}  // namespace tilewright
