#include "compiler/onnx/quantize/model_edit.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

// What a graph and those within it read, by any name.
void AddReads(const onnx::GraphProto& graph, std::unordered_set<std::string>* reads) {
  for (const onnx::NodeProto& node : graph.node()) {
    reads->insert(node.input().begin(), node.input().end());
    AddInnerReads(node, reads);
  }
  for (const onnx::ValueInfoProto& output : graph.output()) reads->insert(output.name());
}

void AddNames(const onnx::GraphProto& graph, std::unordered_set<std::string>* names) {
  AddReads(graph, names);
  for (const onnx::ValueInfoProto& input : graph.input()) names->insert(input.name());
  for (const onnx::TensorProto& tensor : graph.initializer()) names->insert(tensor.name());
  for (const onnx::NodeProto& node : graph.node()) {
    names->insert(node.name());
    names->insert(node.output().begin(), node.output().end());
  }
}

// In the graph's nodes, and in the graphs within it, which see its names.
void RenameIn(onnx::GraphProto& graph, const std::string& from, const std::string& to) {
  const auto rename = [&](std::string& name) {
    if (name == from) name = to;
  };
  const auto rename_inner = [&](onnx::GraphProto& inner) {
    for (onnx::ValueInfoProto& output : *inner.mutable_output()) rename(*output.mutable_name());
    RenameIn(inner, from, to);
  };
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    for (std::string& name : *node.mutable_input()) rename(name);
    for (std::string& name : *node.mutable_output()) rename(name);
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) rename_inner(*attribute.mutable_g());
      for (onnx::GraphProto& inner : *attribute.mutable_graphs()) rename_inner(inner);
    }
  }
}

// Old models list initialisers among the inputs too.
template <typename Items>
void KeepRead(const std::unordered_set<std::string>& reads,
              const std::unordered_set<std::string>& dropped, Items* items) {
  int kept = 0;
  for (int i = 0; i < items->size(); ++i) {
    const std::string& name = items->Get(i).name();
    if (dropped.contains(name) && !reads.contains(name)) continue;
    if (i != kept) items->SwapElements(i, kept);
    ++kept;
  }
  items->DeleteSubrange(kept, items->size() - kept);
}

}  // namespace

int64_t OpsetOf(const onnx::ModelProto& model) {
  int64_t version = 0;
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") version = opset.version();
  }
  return version;
}

void AddInnerReads(const onnx::NodeProto& node, std::unordered_set<std::string>* reads) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) AddReads(attribute.g(), reads);
    for (const onnx::GraphProto& inner : attribute.graphs()) AddReads(inner, reads);
  }
}

ModelEdit::ModelEdit(onnx::ModelProto model) : model_(std::move(model)) {
  AddNames(model_.graph(), &names_);
}

std::string ModelEdit::Fresh(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !names_.insert(name).second; ++i) name = absl::StrCat(wanted, "_", i);
  return name;
}

std::string ModelEdit::AddTensor(const std::string& wanted, onnx::TensorProto::DataType type,
                                 const Shape& shape, std::string bytes) {
  onnx::TensorProto& tensor = *model_.mutable_graph()->add_initializer();
  tensor.set_name(Fresh(wanted));
  tensor.set_data_type(type);
  for (const int64_t dim : shape) tensor.add_dims(dim);
  tensor.set_raw_data(std::move(bytes));
  return tensor.name();
}

std::string ModelEdit::AddFloats(const std::string& wanted, const Shape& shape,
                                 const std::vector<float>& values) {
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  return AddTensor(wanted, onnx::TensorProto::FLOAT, shape,
                   std::string(bytes, values.size() * sizeof(float)));
}

void ModelEdit::AddNamedNode(int before, const std::string& op,
                             const std::vector<std::string>& inputs, const std::string& output) {
  std::vector<onnx::NodeProto>& nodes = before_[before];
  added_[output] = {before, nodes.size()};
  onnx::NodeProto& node = nodes.emplace_back();
  node.set_op_type(op);
  node.set_name(output);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
}

std::string ModelEdit::AddNode(int before, const std::string& op,
                               const std::vector<std::string>& inputs, const std::string& wanted) {
  std::string output = Fresh(wanted);
  AddNamedNode(before, op, inputs, output);
  return output;
}

void ModelEdit::AddCast(int before, const std::string& from, const std::string& to,
                        onnx::TensorProto::DataType type) {
  AddNamedNode(before, "Cast", {from}, to);
  SetInt(to, "to", type);
}

std::string ModelEdit::Rename(const std::string& tensor) {
  std::string name = Fresh(tensor + "_renamed");
  RenameIn(*model_.mutable_graph(), tensor, name);
  return name;
}

void ModelEdit::SetInt(const std::string& output, const std::string& name, int64_t value) {
  const auto& [before, index] = added_.at(output);
  onnx::AttributeProto& attribute = *before_[before][index].add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void ModelEdit::ReplaceInput(int node, int input, const std::string& name) {
  model_.mutable_graph()->mutable_node(node)->set_input(input, name);
}

onnx::ModelProto ModelEdit::Finish() && {
  onnx::GraphProto& graph = *model_.mutable_graph();
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  for (int i = 0; i <= graph.node_size(); ++i) {
    for (onnx::NodeProto& node : before_[i]) *nodes.Add() = std::move(node);
    if (i < graph.node_size()) nodes.Add()->Swap(graph.mutable_node(i));
  }
  graph.mutable_node()->Swap(&nodes);
  std::unordered_set<std::string> reads, initializers;
  AddReads(graph, &reads);
  for (const onnx::TensorProto& tensor : graph.initializer()) initializers.insert(tensor.name());
  KeepRead(reads, initializers, graph.mutable_initializer());
  KeepRead(reads, initializers, graph.mutable_input());
  return std::move(model_);
}

}  // namespace tilewright
