#include "compiler/graph/graph.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "compiler/loop/text.h"
#include "compiler/operators/define.h"

namespace tilewright {
namespace {

// `name`, or `name_<n>` when a value already bears it.
std::string Unique(const std::set<std::string>& taken, std::string name, size_t n) {
  if (name.empty()) name = "value";
  if (!taken.contains(name)) return name;
  std::string candidate;
  do {
    candidate = absl::StrCat(name, "_", n++);
  } while (taken.contains(candidate));
  return candidate;
}

std::string Reference(const Graph& graph, ValueId id) {
  return absl::StrCat("%", graph.values[id].name);
}

std::string JoinReferences(const Graph& graph, const std::vector<ValueId>& ids) {
  return absl::StrJoin(
      ids, ", ", [&](std::string* out, ValueId id) { absl::StrAppend(out, Reference(graph, id)); });
}

// The definition of a node that no workload describes, indented below it.
std::string IndentedDefinition(const Compute& compute) {
  std::string text = tilewright::Print(compute);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::string indented = "    ";
  for (char c : text) {
    indented += c;
    if (c == '\n') indented += "    ";
  }
  return indented + "\n";
}

}  // namespace

ValueId Graph::AddValue(std::string value_name, TensorType type) {
  value_name = Unique(value_names, std::move(value_name), values.size());
  value_names.insert(value_name);
  values.push_back({.name = std::move(value_name), .type = std::move(type)});
  return static_cast<ValueId>(values.size()) - 1;
}

ValueId Graph::AddConstant(std::string value_name, Tensor tensor) {
  TW_CHECK(!tensor.empty()) << "constant " << value_name << " has no data";
  const ValueId id = AddValue(std::move(value_name), tensor.type());
  values[id].constant = std::move(tensor);
  return id;
}

ValueId Graph::AddNode(std::string node_name, std::string op, std::vector<ValueId> node_inputs,
                       Compute compute) {
  const ValueId output = AddValue(std::move(node_name),
                                  {.dtype = compute.output->dtype, .shape = compute.output->shape});
  values[output].producer = static_cast<int>(nodes.size());
  nodes.push_back({.name = values[output].name,
                   .op = std::move(op),
                   .inputs = std::move(node_inputs),
                   .output = output,
                   .compute = std::move(compute)});
  return output;
}

ValueId Graph::AddTunable(std::string node_name, std::string op, std::vector<ValueId> node_inputs,
                          const Workload& workload) {
  const ValueId output =
      AddNode(std::move(node_name), std::move(op), std::move(node_inputs), Define(workload));
  nodes.back().workload = workload;
  return output;
}

std::vector<int> Graph::ConsumersOf(ValueId value) const {
  std::vector<int> consumers;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const std::vector<ValueId>& reads = nodes[i].inputs;
    if (std::find(reads.begin(), reads.end(), value) != reads.end()) {
      consumers.push_back(static_cast<int>(i));
    }
  }
  return consumers;
}

bool Graph::IsOutput(ValueId value) const {
  return std::find(outputs.begin(), outputs.end(), value) != outputs.end();
}

std::string Print(const Graph& graph) {
  std::string text = absl::StrCat("graph ", graph.name, "\n");
  for (ValueId id : graph.inputs) {
    const Value& value = graph.values[id];
    absl::StrAppend(&text, "  input %", value.name, ": ", ToString(value.type), "\n");
  }
  for (const Value& value : graph.values) {
    if (value.constant.empty()) continue;
    absl::StrAppend(&text, "  constant %", value.name, ": ", ToString(value.type), "\n");
  }
  for (const Node& node : graph.nodes) {
    absl::StrAppend(&text, "  ", Reference(graph, node.output), " = ", node.op, "(",
                    JoinReferences(graph, node.inputs),
                    "): ", ToString(graph.values[node.output].type), "\n");
    text += node.workload ? absl::StrCat("    ", node.workload->Key(), "\n")
                          : IndentedDefinition(node.compute);
  }
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    absl::StrAppend(&text, "  output ", graph.output_names[i], " = ",
                    Reference(graph, graph.outputs[i]), "\n");
  }
  return text;
}

std::vector<Buffer> InputBuffers(const Graph& graph, const std::vector<ValueId>& inputs) {
  std::vector<Buffer> buffers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorType& type = graph.values[inputs[i]].type;
    buffers.push_back(MakeBuffer(absl::StrCat("in", i), type.dtype, type.shape));
  }
  return buffers;
}

}  // namespace tilewright
