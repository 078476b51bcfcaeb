// What a model starts from and ends in: its initializers, inputs and outputs.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "compiler/onnx/importer.h"
#include "compiler/onnx/input_types.h"
#include "compiler/onnx/sequence_inputs.h"
#include "compiler/onnx/sparse_tensor.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {

namespace {

// Whether dequantizers alone read a value, so that it may be held in wider integers.
bool IsOnlyDequantized(const onnx::GraphProto& graph, const std::string& name) {
  for (const onnx::ValueInfoProto& output : graph.output()) {
    if (output.name() == name) return false;
  }
  return std::all_of(graph.node().begin(), graph.node().end(), [&](const onnx::NodeProto& node) {
    const std::vector<std::string> reads = ModelNames::ReadsOf(node);
    const bool is_read = std::find(reads.begin(), reads.end(), name) != reads.end();
    return !is_read || node.op_type() == "DequantizeLinear";
  });
}

// A package tells its outputs apart by their names.
absl::Status CheckOutputNames(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("duplicate name: two outputs are named \"", *twice, "\""));
}

}  // namespace

absl::Status Importer::CheckOptions() const {
  std::vector<std::string> known, lists;
  for (const onnx::ValueInfoProto& input : model_.graph().input()) {
    (HoldsTensors(input) ? lists : known).push_back(input.name());
  }
  known.insert(known.end(), lists.begin(), lists.end());
  const auto check = [&](const std::string& name) {
    const std::string list = name.substr(0, name.rfind('.'));  // "x" of "x.0"
    if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
    if (std::find(lists.begin(), lists.end(), list) != lists.end()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the model has no input \"", name, "\"; it has ", absl::StrJoin(known, ", ")));
  };
  for (const auto& [name, shape] : options_.input_shapes) TW_RETURN_IF_ERROR(check(name));
  for (const auto& [name, tensor] : options_.constant_inputs) TW_RETURN_IF_ERROR(check(name));
  return absl::OkStatus();
}

absl::Status Importer::AddInitializers(Scope& scope, const std::vector<int>& order) {
  std::unordered_set<std::string> needed;
  for (int index : order) {
    for (std::string& name : ModelNames::ReadsOf(scope.graph->node(index))) {
      needed.insert(std::move(name));
    }
  }
  for (const auto& output : scope.graph->output()) needed.insert(output.name());
  for (onnx::TensorProto& initializer : *scope.graph->mutable_initializer()) {
    const std::string name = initializer.name();
    if (needed.contains(name) && initializer.data_type() == onnx::TensorProto::STRING) {
      absl::StatusOr<StringTensor> strings = FromOnnxStrings(initializer);
      if (!strings.ok())
        return Within(absl::StrCat("initializer \"", name, "\""), strings.status());
      const ValueId value = graph_.AddConstant(name, std::move(strings->places));
      imported_.classes[value] = std::move(strings->names);
      scope.values[name] = value;
    } else if (needed.contains(name)) {
      const bool widens =
          IsPacked(initializer.data_type()) && IsOnlyDequantized(*scope.graph, name);
      absl::StatusOr<Tensor> tensor = widens ? FromOnnxWeights(initializer, options_.folder)
                                             : FromOnnxTensor(initializer, options_.folder);
      if (!tensor.ok()) return Within(absl::StrCat("initializer \"", name, "\""), tensor.status());
      scope.values[name] = graph_.AddConstant(name, *std::move(tensor));
    }
    // Frees it; the names were collected before.
    if (scope.owns_weights) onnx::TensorProto().Swap(&initializer);
  }
  for (const onnx::SparseTensorProto& sparse : scope.graph->sparse_initializer()) {
    const std::string& name = sparse.values().name();
    if (!needed.contains(name)) continue;
    absl::StatusOr<Tensor> tensor = FromOnnxSparse(sparse, options_.folder);
    if (!tensor.ok()) return Within(absl::StrCat("initializer \"", name, "\""), tensor.status());
    scope.values[name] = graph_.AddConstant(name, *std::move(tensor));
  }
  return absl::OkStatus();
}

absl::Status Importer::AddInputs(Scope& scope) {
  std::unordered_set<std::string> given;
  for (const auto& initializer : scope.graph->initializer()) given.insert(initializer.name());
  std::vector<const onnx::ValueInfoProto*> inputs, open;
  for (const onnx::ValueInfoProto& input : scope.graph->input()) {
    if (!given.contains(input.name())) inputs.push_back(&input);  // else that is its value
  }
  TW_ASSIGN_OR_RETURN(const InputTensors parts, TakeApart(inputs, options_));
  for (const onnx::ValueInfoProto& input : parts.declared) {
    const auto fixed = options_.constant_inputs.find(input.name());
    if (fixed != options_.constant_inputs.end()) {
      scope.values[input.name()] = graph_.AddConstant(input.name(), fixed->second);
    } else {
      open.push_back(&input);
    }
  }
  TW_ASSIGN_OR_RETURN(const std::vector<TensorType> types, InputTypes(open, parts.options));
  for (size_t i = 0; i < open.size(); ++i) {
    const ValueId id = graph_.AddValue(open[i]->name(), types[i]);
    graph_.inputs.push_back(id);
    scope.values[open[i]->name()] = id;
  }
  for (const std::string& name : parts.absent) scope.values[name] = kAbsent;
  for (const auto& [name, tensors] : parts.sequences) {
    Values list;
    for (const std::string& tensor : tensors) list.push_back(scope.values.at(tensor));
    scope.values[name] = imported_.sequences.Add(std::move(list));
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueId> Importer::Produced(ValueId value, const std::string& name) {
  const TensorType& type = graph_.values[value].type;
  if (graph_.values[value].producer != -1) return value;
  const std::vector<ValueId> inputs = {value};
  Compute copy{.name = "copy",
               .inputs = InputBuffers(graph_, inputs),
               .output = MakeBuffer("out", type.dtype, type.shape),
               .axes = MakeAxes(type.shape, "i")};
  copy.body = Load(copy.inputs[0], Vars(copy.axes));
  return graph_.AddNode(name, "copy", inputs, std::move(copy));
}

absl::StatusOr<std::vector<std::pair<std::string, ValueId>>> Importer::OutputTensors(
    const Scope& scope) const {
  std::vector<std::pair<std::string, ValueId>> tensors;
  for (const onnx::ValueInfoProto& output : scope.graph->output()) {
    const ValueId* found = Find(scope, output.name());
    if (found == nullptr) return scope.names.ExplainMissingOutput(output.name());
    if (IsTensor(*found)) {
      tensors.emplace_back(output.name(), *found);
      continue;
    }
    const Values list = *found == kAbsent ? Values() : imported_.sequences.Of(*found);
    if (list.empty()) {
      return absl::UnimplementedError(
          absl::StrCat("output \"", output.name(), "\": has no tensors, which is not supported"));
    }
    for (size_t i = 0; i < list.size(); ++i) {
      tensors.emplace_back(ElementName(output.name(), i), list[i]);
    }
  }
  return tensors;
}

absl::Status Importer::AddOutputs(const Scope& scope) {
  using Tensors = std::vector<std::pair<std::string, ValueId>>;
  TW_ASSIGN_OR_RETURN(const Tensors tensors, OutputTensors(scope));
  for (const auto& [name, tensor] : tensors) {
    absl::StatusOr<ValueId> value = Produced(tensor, name);
    if (!value.ok()) return Within(absl::StrCat("output \"", name, "\""), value.status());
    graph_.outputs.push_back(*value);
    graph_.output_names.push_back(name);
    const auto classes = imported_.classes.find(tensor);
    if (classes != imported_.classes.end()) graph_.output_classes[name] = classes->second;
  }
  for (const auto& [name, tensor] : tensors) {
    const auto bound = imported_.bounds.find(tensor);
    if (bound == imported_.bounds.end()) continue;
    const std::string count_name = absl::StrCat(name, ".count");
    TW_ASSIGN_OR_RETURN(const ValueId count, Produced(bound->second.count, count_name));
    graph_.outputs.push_back(count);
    graph_.output_names.push_back(count_name);
  }
  return CheckOutputNames(graph_.output_names);
}

}  // namespace tilewright
