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

bool ModelNames::DependsOn(int from, int to) const {
  std::vector<int> pending = {from};
  std::unordered_set<int> seen = {from};
  while (!pending.empty()) {
    const int node = pending.back();
    pending.pop_back();
    for (const std::string& input : graph_->node(node).input()) {
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
  if (producer->second > reader) {
    return absl::InvalidArgumentError(
        absl::StrCat("the nodes are not in topological order: reads \"", name, "\", which ", maker,
                     " computes only later"));
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
