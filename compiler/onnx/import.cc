#include "compiler/onnx/import.h"

#include <algorithm>
#include <climits>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "compiler/graph/edit.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/import_model.h"
#include "compiler/onnx/input_types.h"
#include "compiler/onnx/model_names.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

constexpr int64_t kOldestOpset = 7, kNewestOpset = 22;
constexpr int kMaxNodes = 50000;
constexpr int kMaxNodeInputs = 1024;

absl::Status In(const std::string& where, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

bool IsStandardDomain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

// The opset of ONNX's own operators; 0 when the model only imports other domains, so that each of
// its nodes is refused by its own name.
absl::StatusOr<int64_t> OpsetOf(const onnx::ModelProto& model) {
  if (model.opset_import_size() == 0) {
    return absl::InvalidArgumentError("not an ONNX model: it imports no opset");
  }
  int64_t opset = 0;
  bool found = false;
  for (const onnx::OperatorSetIdProto& entry : model.opset_import()) {
    if (!IsStandardDomain(entry.domain())) continue;
    opset = found ? std::max(opset, entry.version()) : entry.version();
    found = true;
  }
  if (!found || (opset >= kOldestOpset && opset <= kNewestOpset)) return opset;
  return absl::UnimplementedError(absl::StrCat("the model has opset ", opset, "; supported are ",
                                               kOldestOpset, " to ", kNewestOpset));
}

absl::Status CheckInputs(const OpBuilder& builder, size_t needed) {
  if (needed == kAllInputs) needed = std::max<size_t>(1, builder.num_inputs());
  for (size_t i = 0; i < needed; ++i) {
    if (!builder.HasInput(i)) return absl::InvalidArgumentError(absl::StrCat("lacks input ", i));
  }
  return absl::OkStatus();
}

// Converts one model, step by step.
class Importer {
 public:
  Importer(onnx::GraphProto& graph, const ImportOptions& options, int64_t opset, ModelNames names)
      : proto_(graph), options_(options), opset_(opset), names_(std::move(names)) {}

  absl::StatusOr<Graph> Run() {
    graph_.name = proto_.name();
    TW_RETURN_IF_ERROR(CheckOptions());
    TW_RETURN_IF_ERROR(AddInitializers());
    TW_RETURN_IF_ERROR(AddInputs());
    for (int i = 0; i < proto_.node_size(); ++i) {
      if (absl::Status status = Convert(i); !status.ok()) {
        return In(Describe(proto_.node(i)), status);
      }
    }
    TW_RETURN_IF_ERROR(AddOutputs());
    EraseDeadNodes(graph_);
    TW_RETURN_IF_ERROR(Verify(graph_));
    return std::move(graph_);
  }

 private:
  absl::Status CheckOptions() const {
    std::vector<std::string> known;
    for (const onnx::ValueInfoProto& input : proto_.input()) known.push_back(input.name());
    const auto check = [&](const std::string& name) {
      if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("the model has no input \"", name,
                                                     "\"; it has ", absl::StrJoin(known, ", ")));
    };
    for (const auto& [name, shape] : options_.input_shapes) TW_RETURN_IF_ERROR(check(name));
    for (const auto& [name, tensor] : options_.constant_inputs) TW_RETURN_IF_ERROR(check(name));
    return absl::OkStatus();
  }

  absl::Status AddInitializers() {
    if (proto_.sparse_initializer_size() > 0) {
      return absl::UnimplementedError("sparse initializers are not supported");
    }
    for (onnx::TensorProto& initializer : *proto_.mutable_initializer()) {
      absl::StatusOr<Tensor> tensor = FromOnnxTensor(initializer);
      if (!tensor.ok()) {
        return In(absl::StrCat("initializer \"", initializer.name(), "\""), tensor.status());
      }
      values_[initializer.name()] = graph_.AddConstant(initializer.name(), *std::move(tensor));
      onnx::TensorProto().Swap(&initializer);  // frees it; the names were collected before
    }
    return absl::OkStatus();
  }

  absl::Status AddInputs() {
    for (const onnx::ValueInfoProto& input : proto_.input()) {
      if (values_.contains(input.name())) continue;  // the initializer is its value
      if (const auto fixed = options_.constant_inputs.find(input.name());
          fixed != options_.constant_inputs.end()) {
        values_[input.name()] = graph_.AddConstant(input.name(), fixed->second);
        continue;
      }
      TW_ASSIGN_OR_RETURN(TensorType type, InputType(input, options_.input_shapes));
      const ValueId id = graph_.AddValue(input.name(), std::move(type));
      graph_.inputs.push_back(id);
      values_[input.name()] = id;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<ValueId>> Resolve(int index) const {
    std::vector<ValueId> inputs;
    for (const std::string& name : proto_.node(index).input()) {
      if (name.empty()) {
        inputs.push_back(kNoValue);
        continue;
      }
      const auto found = values_.find(name);
      if (found == values_.end()) return names_.ExplainMissing(name, index);
      inputs.push_back(found->second);
    }
    if (inputs.size() > kMaxNodeInputs) {
      return absl::UnimplementedError(absl::StrCat("has ", inputs.size(), " inputs; at most ",
                                                   kMaxNodeInputs, " are supported"));
    }
    return inputs;
  }

  absl::Status Convert(int index) {
    const onnx::NodeProto& node = proto_.node(index);
    if (!IsStandardDomain(node.domain())) {
      return absl::UnimplementedError(absl::StrCat("operator ", node.op_type(), " of domain ",
                                                   node.domain(), " is not supported"));
    }
    TW_ASSIGN_OR_RETURN(const OpRow* row, FindOperator(node.op_type(), opset_));
    TW_ASSIGN_OR_RETURN(std::vector<ValueId> inputs, Resolve(index));
    OpBuilder builder(graph_, node, opset_, std::move(inputs));
    TW_RETURN_IF_ERROR(CheckInputs(builder, row->min_inputs));
    absl::StatusOr<Outputs> outputs = row->convert(builder);
    TW_RETURN_IF_ERROR(builder.status());
    TW_RETURN_IF_ERROR(outputs.status());
    const size_t count = std::min<size_t>(outputs->values.size(), builder.num_outputs());
    for (size_t i = 0; i < count; ++i) {
      const std::string& name = node.output(static_cast<int>(i));
      if (!name.empty() && outputs->values[i] != kNoValue) values_[name] = outputs->values[i];
    }
    return absl::OkStatus();
  }

  // An output that no node makes (the model hands through an input or a constant) gets a copy.
  absl::StatusOr<ValueId> Produced(ValueId value, const std::string& name) {
    const TensorType& type = graph_.values[value].type;
    if (NumElements(type.shape) == 0) {
      return absl::UnimplementedError("has no elements, which is not supported");
    }
    if (graph_.values[value].producer != -1) return value;
    const std::vector<ValueId> inputs = {value};
    Compute copy{.name = "copy",
                 .inputs = InputBuffers(graph_, inputs),
                 .output = MakeBuffer("out", type.dtype, type.shape),
                 .axes = MakeAxes(type.shape, "i")};
    copy.body = Load(copy.inputs[0], Vars(copy.axes));
    return graph_.AddNode(name, "copy", inputs, std::move(copy));
  }

  absl::Status AddOutputs() {
    if (proto_.output_size() == 0) return absl::InvalidArgumentError("the model has no outputs");
    for (const onnx::ValueInfoProto& output : proto_.output()) {
      const auto found = values_.find(output.name());
      if (found == values_.end()) return names_.ExplainMissingOutput(output.name());
      absl::StatusOr<ValueId> value = Produced(found->second, output.name());
      if (!value.ok()) return In(absl::StrCat("output \"", output.name(), "\""), value.status());
      graph_.outputs.push_back(*value);
      graph_.output_names.push_back(output.name());
    }
    return absl::OkStatus();
  }

  onnx::GraphProto& proto_;
  const ImportOptions& options_;
  const int64_t opset_;
  const ModelNames names_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> values_;
};

}  // namespace

absl::StatusOr<Graph> ImportModel(onnx::ModelProto model, const ImportOptions& options) {
  if (!model.has_graph()) return absl::InvalidArgumentError("not an ONNX model: it has no graph");
  if (model.graph().node_size() > kMaxNodes) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", model.graph().node_size(),
                                                   " nodes; the limit is ", kMaxNodes));
  }
  TW_ASSIGN_OR_RETURN(const int64_t opset, OpsetOf(model));
  TW_ASSIGN_OR_RETURN(ModelNames names, ModelNames::Collect(model.graph()));
  return Importer(*model.mutable_graph(), options, opset, std::move(names)).Run();
}

absl::Status CheckModelSize(size_t bytes) {
  if (bytes == 0) return absl::InvalidArgumentError("not an ONNX model: it is empty");
  if (bytes <= INT_MAX) return absl::OkStatus();
  return absl::InvalidArgumentError("the model is larger than 2 GiB, ONNX's own limit");
}

absl::Status DoesNotParse(size_t bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat("not an ONNX model, or a truncated one: its ", bytes, " bytes do not parse"));
}

absl::StatusOr<Graph> ImportOnnx(std::string_view bytes, const ImportOptions& options) {
  TW_RETURN_IF_ERROR(CheckModelSize(bytes.size()));
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DoesNotParse(bytes.size());
  }
  return ImportModel(std::move(model), options);
}

}  // namespace tilewright
