#include "compiler/onnx/quantize/narrow_floats.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "compiler/onnx/quantize/float32_nodes.h"
#include "compiler/onnx/quantize/model_edit.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

using Names = std::unordered_set<std::string>;

// Calls `visit` with each node of a graph and of those within it.
template <typename Visit>
void ForEachNode(onnx::GraphProto& graph, const Visit& visit) {
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    visit(node);
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) ForEachNode(*attribute.mutable_g(), visit);
      for (onnx::GraphProto& inner : *attribute.mutable_graphs()) ForEachNode(inner, visit);
    }
  }
}

template <typename Visit>
absl::Status ForEachGraph(onnx::GraphProto& graph, const Visit& visit) {
  TW_RETURN_IF_ERROR(visit(graph));
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) TW_RETURN_IF_ERROR(ForEachGraph(*attribute.mutable_g(), visit));
      for (onnx::GraphProto& inner : *attribute.mutable_graphs()) {
        TW_RETURN_IF_ERROR(ForEachGraph(inner, visit));
      }
    }
  }
  return absl::OkStatus();
}

class Narrower {
 public:
  Narrower(onnx::ModelProto model, DType to)
      : edit_(std::move(model)),
        to_(to),
        type_(to == DType::kF16 ? onnx::TensorProto::FLOAT16 : onnx::TensorProto::BFLOAT16),
        is_float32_(Float32Nodes(edit_.graph())) {}

  absl::StatusOr<onnx::ModelProto> Run() && {
    FindWide();
    FindFloat32();
    TW_RETURN_IF_ERROR(
        ForEachGraph(graph(), [this](onnx::GraphProto& inner) { return NarrowConstants(inner); }));
    ForEachNode(graph(), [this](onnx::NodeProto& node) { NarrowAttributes(node); });
    CastEnds();
    CastBetween();
    return std::move(edit_).Finish();
  }

 private:
  onnx::GraphProto& graph() { return edit_.mutable_graph(); }

  // Names of tensors that the standard wants to be float32.
  void FindWide() {
    ForEachNode(graph(), [this](const onnx::NodeProto& node) {
      const bool resize = node.op_type() == "Resize";
      if (!resize && node.op_type() != "Upsample") return;
      for (int i = resize ? 2 : 1; i < node.input_size() && i < 3; ++i) wide_.insert(node.input(i));
    });
  }

  // What float32 nodes write, and the constants that no others read.
  void FindFloat32() {
    Names others, constants;
    for (int i = 0; i < graph().node_size(); ++i) {
      const onnx::NodeProto& node = graph().node(i);
      if (is_float32_[i]) {
        written_.insert(node.output().begin(), node.output().end());
        continue;
      }
      others.insert(node.input().begin(), node.input().end());
      AddInnerReads(node, &others);
      if (node.op_type() == "Constant") constants.insert(node.output(0));
    }
    for (const onnx::TensorProto& tensor : graph().initializer()) constants.insert(tensor.name());
    wide_.insert(written_.begin(), written_.end());
    for (int i = 0; i < graph().node_size(); ++i) {
      if (!is_float32_[i]) continue;
      for (const std::string& input : graph().node(i).input()) {
        if (constants.contains(input) && !others.contains(input)) wide_.insert(input);
      }
    }
  }

  absl::Status NarrowTensor(onnx::TensorProto& tensor, const std::string& name) const {
    if (tensor.data_type() != onnx::TensorProto::FLOAT || wide_.contains(name)) {
      return absl::OkStatus();
    }
    const absl::StatusOr<Tensor> read = FromOnnxTensor(tensor);
    if (!read.ok()) {
      return absl::Status(read.status().code(), absl::StrCat(name, ": ", read.status().message()));
    }
    Tensor narrow({to_, read->shape()});
    for (int64_t i = 0; i < read->size(); ++i) narrow.Set(i, read->as<float>()[i]);
    onnx::TensorProto written;
    written.set_name(tensor.name());
    written.set_data_type(type_);
    *written.mutable_dims() = tensor.dims();
    written.set_raw_data(narrow.data(), narrow.bytes());
    tensor = std::move(written);
    return absl::OkStatus();
  }

  void NarrowType(onnx::ValueInfoProto& info) const {
    auto* type = info.mutable_type()->mutable_tensor_type();
    if (type->elem_type() == onnx::TensorProto::FLOAT && !wide_.contains(info.name())) {
      type->set_elem_type(type_);
    }
  }

  absl::Status NarrowConstants(onnx::GraphProto& graph) {
    for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
      TW_RETURN_IF_ERROR(NarrowTensor(tensor, tensor.name()));
    }
    for (onnx::ValueInfoProto& info : *graph.mutable_value_info()) NarrowType(info);
    const bool is_main = &graph == &edit_.graph();
    for (onnx::ValueInfoProto& info : *graph.mutable_output()) {
      if (!is_main) NarrowType(info);
    }
    for (onnx::NodeProto& node : *graph.mutable_node()) {
      TW_RETURN_IF_ERROR(NarrowValue(node));
    }
    return absl::OkStatus();
  }

  // The value of Constant and ConstantOfShape.
  absl::Status NarrowValue(onnx::NodeProto& node) const {
    if (node.op_type() != "Constant" && node.op_type() != "ConstantOfShape") {
      return absl::OkStatus();
    }
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      onnx::TensorProto tensor = attribute.t();
      if (attribute.name() == "value_float" || attribute.name() == "value_floats") {
        tensor.set_data_type(onnx::TensorProto::FLOAT);
        if (attribute.has_f()) tensor.add_float_data(attribute.f());
        if (!attribute.has_f()) tensor.add_dims(attribute.floats_size());
        for (const float value : attribute.floats()) tensor.add_float_data(value);
      } else if (!attribute.has_t()) {
        continue;
      }
      TW_RETURN_IF_ERROR(NarrowTensor(tensor, node.output(0)));
      attribute.Clear();
      attribute.set_name("value");
      attribute.set_type(onnx::AttributeProto::TENSOR);
      *attribute.mutable_t() = std::move(tensor);
    }
    return absl::OkStatus();
  }

  // Types that a node names.
  void NarrowAttributes(onnx::NodeProto& node) const {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      const bool names_type =
          attribute.name() == "dtype" || (attribute.name() == "to" && node.op_type() == "Cast");
      if (names_type && attribute.i() == onnx::TensorProto::FLOAT) attribute.set_i(type_);
    }
  }

  // A cast where a float32 node reads what another wrote, or the other way round.
  void CastBetween() {
    for (int i = 0; i < graph().node_size(); ++i) {
      const onnx::NodeProto& node = graph().node(i);
      for (int k = 0; k < node.input_size(); ++k) {
        const std::string& input = node.input(k);
        if (is_float32_[i] && IsFloatInput(node, k) && !wide_.contains(input)) {
          edit_.ReplaceInput(i, k, CastOf(input, onnx::TensorProto::FLOAT, i));
        } else if (!is_float32_[i] && written_.contains(input)) {
          edit_.ReplaceInput(i, k, CastOf(input, type_, i));
        }
      }
    }
  }

  // The same cast for all that read it, before the first of them.
  const std::string& CastOf(const std::string& tensor, onnx::TensorProto::DataType type,
                            int before) {
    const auto [at, added] = casts_.try_emplace(tensor);
    if (added) {
      at->second = edit_.AddNode(before, "Cast", {tensor}, absl::StrCat(tensor, "_cast"));
      edit_.SetInt(at->second, "to", type);
    }
    return at->second;
  }

  // Inputs and outputs keep their names and types; what lies between gets others.
  void CastEnds() {
    Names constants, inputs;
    for (const onnx::TensorProto& tensor : graph().initializer()) constants.insert(tensor.name());
    const int end = graph().node_size();
    for (onnx::ValueInfoProto& input : *graph().mutable_input()) {
      inputs.insert(input.name());
      if (constants.contains(input.name())) {
        NarrowType(input);
      } else if (IsFloat32(input)) {
        edit_.AddCast(0, input.name(), edit_.Rename(input.name()), type_);
      }
    }
    for (const onnx::ValueInfoProto& output : graph().output()) {
      if (!IsFloat32(output) || inputs.contains(output.name())) continue;
      if (written_.contains(output.name())) continue;
      edit_.AddCast(end, edit_.Rename(output.name()), output.name(), onnx::TensorProto::FLOAT);
    }
  }

  static bool IsFloat32(const onnx::ValueInfoProto& info) {
    return info.type().tensor_type().elem_type() == onnx::TensorProto::FLOAT;
  }

  ModelEdit edit_;
  const DType to_;
  const onnx::TensorProto::DataType type_;
  const std::vector<bool> is_float32_;  // of each node
  Names written_;                       // by those
  Names wide_;
  std::unordered_map<std::string, std::string> casts_;
};

bool IsQuantized(onnx::GraphProto& graph) {
  bool found = false;
  ForEachNode(graph, [&found](const onnx::NodeProto& node) {
    found |= node.op_type() == "QuantizeLinear" || node.op_type() == "DequantizeLinear";
  });
  return found;
}

}  // namespace

absl::StatusOr<onnx::ModelProto> WithNarrowFloats(onnx::ModelProto model, DType to) {
  TW_CHECK(to == DType::kF16 || to == DType::kBF16) << NameOf(to);
  if (IsQuantized(*model.mutable_graph())) {
    return absl::InvalidArgumentError("the model is quantised already: narrow the original");
  }
  if (to == DType::kBF16 && OpsetOf(model) < 13) {
    return absl::InvalidArgumentError(absl::StrCat("the model has opset ", OpsetOf(model),
                                                   "; bfloat16 needs 13: export it with a newer "
                                                   "one, or use --to fp16"));
  }
  return Narrower(std::move(model), to).Run();
}

}  // namespace tilewright
