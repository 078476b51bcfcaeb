#include "tests/onnx/evaluate.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/loop/interpret.h"

namespace tilewright {

absl::StatusOr<std::vector<Tensor>> EvaluateGraph(const Graph& graph,
                                                  const std::map<std::string, Tensor>& inputs) {
  std::vector<Tensor> values(graph.values.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = graph.values[i].constant;
  for (ValueId id : graph.inputs) {
    const Value& value = graph.values[id];
    const auto given = inputs.find(value.name);
    if (given == inputs.end() || given->second.type() != value.type) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", value.name, " needs a ", ToString(value.type)));
    }
    values[id] = given->second;
  }
  for (const Node& node : graph.nodes) {
    std::vector<Tensor> args;
    for (ValueId id : node.inputs) args.push_back(values[id]);
    args.emplace_back(graph.values[node.output].type);
    TW_RETURN_IF_ERROR(Interpret(LowerPlain(node.compute), args));
    values[node.output] = args.back();
  }
  std::vector<Tensor> outputs;
  for (ValueId id : graph.outputs) outputs.push_back(values[id]);
  return outputs;
}

}  // namespace tilewright
