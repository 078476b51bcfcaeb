#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/graph/graph.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

absl::Status Broken(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("graph: ", what));
}

absl::Status CheckValues(const Graph& graph) {
  std::unordered_set<std::string> names;
  for (const Value& value : graph.values) {
    if (!names.insert(value.name).second) {
      return Broken(absl::StrCat("two values are named ", value.name));
    }
    if (!value.constant.empty() && value.constant.type() != value.type) {
      return Broken(absl::StrCat("constant ", value.name, " holds ",
                                 ToString(value.constant.type()), " but is declared ",
                                 ToString(value.type)));
    }
    if (!value.constant.empty() && value.producer != -1) {
      return Broken(absl::StrCat("constant ", value.name, " has a producer"));
    }
  }
  return absl::OkStatus();
}

TensorType TypeOf(const Buffer& buffer) { return {.dtype = buffer->dtype, .shape = buffer->shape}; }

absl::Status CheckType(const Graph& graph, const Node& node, ValueId id, const TensorType& needed) {
  if (graph.values[id].type == needed) return absl::OkStatus();
  return Broken(absl::StrCat("node ", node.name, ": value ", graph.values[id].name, " is ",
                             ToString(graph.values[id].type), " where its definition has ",
                             ToString(needed)));
}

absl::Status CheckTypes(const Graph& graph, const Node& node) {
  if (node.inputs.size() != node.compute.inputs.size()) {
    return Broken(absl::StrCat("node ", node.name, " has ", node.inputs.size(),
                               " inputs but its definition has ", node.compute.inputs.size()));
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    TW_RETURN_IF_ERROR(CheckType(graph, node, node.inputs[i], TypeOf(node.compute.inputs[i])));
  }
  TW_RETURN_IF_ERROR(CheckType(graph, node, node.output, TypeOf(node.compute.output)));
  if (node.compute.axes.size() != node.compute.output->shape.size()) {
    return Broken(absl::StrCat("node ", node.name, " needs one axis per output dimension"));
  }
  return absl::OkStatus();
}

absl::Status CheckWorkloadOf(const Graph& graph, const Node& node) {
  if (!node.workload) return absl::OkStatus();
  TW_RETURN_IF_ERROR(CheckWorkload(*node.workload));
  const std::vector<TensorType> types = ArgumentTypes(*node.workload);
  if (types.size() != node.inputs.size() + 1) {
    return Broken(absl::StrCat("node ", node.name, " has ", node.inputs.size(),
                               " inputs but its workload needs ", types.size() - 1));
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    TW_RETURN_IF_ERROR(CheckType(graph, node, node.inputs[i], types[i]));
  }
  return CheckType(graph, node, node.output, types.back());
}

bool IsValue(const Graph& graph, ValueId id) {
  return id >= 0 && id < static_cast<ValueId>(graph.values.size());
}

// A value can be read when it is an input, a constant or made by an earlier node.
absl::Status CheckReads(const Graph& graph, const Node& node, const std::vector<bool>& ready) {
  for (ValueId id : node.inputs) {
    if (!IsValue(graph, id)) return Broken(absl::StrCat("node ", node.name, " reads no value"));
    if (!ready[id]) {
      return Broken(absl::StrCat("node ", node.name, " reads ", graph.values[id].name,
                                 " before anything makes it"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNodes(const Graph& graph, std::vector<bool>& ready) {
  std::unordered_set<std::string> names;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!names.insert(node.name).second) {
      return Broken(absl::StrCat("two nodes are named ", node.name));
    }
    TW_RETURN_IF_ERROR(CheckReads(graph, node, ready));
    if (!IsValue(graph, node.output) || ready[node.output] ||
        graph.values[node.output].producer != static_cast<int>(i)) {
      return Broken(absl::StrCat("node ", node.name, " is not the one producer of its output"));
    }
    ready[node.output] = true;
    TW_RETURN_IF_ERROR(CheckTypes(graph, node));
    TW_RETURN_IF_ERROR(CheckWorkloadOf(graph, node));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Verify(const Graph& graph) {
  TW_RETURN_IF_ERROR(CheckValues(graph));
  std::vector<bool> ready(graph.values.size());
  for (size_t id = 0; id < graph.values.size(); ++id)
    ready[id] = !graph.values[id].constant.empty();
  for (ValueId id : graph.inputs) {
    if (!IsValue(graph, id) || ready[id]) return Broken("an input is dangling or listed twice");
    ready[id] = true;
  }
  TW_RETURN_IF_ERROR(CheckNodes(graph, ready));
  if (graph.outputs.size() != graph.output_names.size()) {
    return Broken("outputs and their names differ in number");
  }
  for (ValueId id : graph.outputs) {
    if (!IsValue(graph, id) || !ready[id]) return Broken("an output is made by no node");
  }
  return absl::OkStatus();
}

}  // namespace tilewright
