#include "compiler/onnx/quantize/float32_nodes.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "compiler/onnx/quantize/linear_layers.h"
#include "compiler/onnx/quantize/model_edit.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

bool IsOneOf(const std::string& op, const std::vector<std::string_view>& ops) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

bool IsArithmetic(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(), {"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal"});
}

// The mean of each row, of which exporters make a normalisation.
bool IsMeanOfRows(const onnx::GraphProto& graph, const onnx::NodeProto& node) {
  if (node.op_type() != "ReduceMean") return false;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == "axes") return attribute.ints_size() == 1 && attribute.ints(0) == -1;
  }
  if (node.input_size() < 2) return false;
  const onnx::TensorProto* axes = FindConstant(graph, node.input(1));
  const absl::StatusOr<Tensor> read =
      axes == nullptr ? absl::NotFoundError("not constant") : FromOnnxTensor(*axes);
  return read.ok() && read->size() == 1 && read->AsDouble(0) == -1;
}

bool IsNormalization(const onnx::GraphProto& graph, const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(),
                 {"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization",
                  "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) ||
         IsMeanOfRows(graph, node);
}

// Functions that models write activations with: rounded, the literals around them would be those of
// another function.
bool IsPartOfActivation(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(), {"Erf", "Tanh"});
}

bool IsLayer(const onnx::NodeProto& node) {
  return IsOneOf(node.op_type(), {"MatMul", "Gemm", "Conv"});
}

// Grows from normalisations and activations along the edges of the graph, each of which it meets
// once from either end.
class Growth {
 public:
  explicit Growth(const onnx::GraphProto& graph)
      : graph_(graph),
        found_(graph.node_size()),
        others_(graph.node_size()),
        readers_(graph.node_size()) {
    for (int i = 0; i < graph.node_size(); ++i) {
      AddInnerReads(graph.node(i), &inner_);
      for (const std::string& output : graph.node(i).output()) producers_[output] = i;
    }
    for (int i = 0; i < graph.node_size(); ++i) {
      for (const int producer : ProducersOf(i)) {
        readers_[producer].push_back(i);
        ++others_[producer];
      }
    }
    for (const onnx::ValueInfoProto& output : graph.output()) {
      const auto at = producers_.find(output.name());
      if (at != producers_.end()) ++others_[at->second];  // who reads it is no node
    }
  }

  std::vector<bool> Run() && {
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (IsNormalization(graph_, graph_.node(i)) || IsPartOfActivation(graph_.node(i))) Take(i);
    }
    while (!pending_.empty()) {
      const int node = pending_.back();
      pending_.pop_back();
      for (const int reader : readers_[node]) {
        if (IsArithmetic(graph_.node(reader))) Take(reader);
      }
      for (const int producer : ProducersOf(node)) {
        const bool alone = --others_[producer] == 0;
        if (alone && IsArithmetic(graph_.node(producer)) && !IsBias(producer)) Take(producer);
      }
    }
    return std::move(found_);
  }

 private:
  // Of its inputs that are floats.
  std::vector<int> ProducersOf(int node) const {
    const onnx::NodeProto& reader = graph_.node(node);
    std::vector<int> producers;
    for (int k = 0; k < reader.input_size(); ++k) {
      const auto at = producers_.find(reader.input(k));
      if (IsFloatInput(reader, k) && at != producers_.end()) producers.push_back(at->second);
    }
    return producers;
  }

  // What only adds a constant to a layer's output is part of the layer.
  bool IsBias(int node) const {
    const onnx::NodeProto& add = graph_.node(node);
    const std::vector<int> producers = ProducersOf(node);
    return add.op_type() == "Add" &&
           std::any_of(producers.begin(), producers.end(),
                       [&](int from) { return IsLayer(graph_.node(from)); }) &&
           std::any_of(add.input().begin(), add.input().end(), [&](const std::string& input) {
             return FindConstant(graph_, input) != nullptr;
           });
  }

  void Take(int node) {
    const auto& outputs = graph_.node(node).output();
    const bool inside = std::any_of(outputs.begin(), outputs.end(),
                                    [&](const std::string& name) { return inner_.contains(name); });
    if (found_[node] || inside) return;
    found_[node] = true;
    pending_.push_back(node);
  }

  const onnx::GraphProto& graph_;
  std::vector<bool> found_;
  std::vector<int> others_;  // edges to readers that are not found
  std::vector<std::vector<int>> readers_;
  std::vector<int> pending_;
  std::unordered_map<std::string, int> producers_;
  std::unordered_set<std::string> inner_;  // what graphs within nodes read
};

}  // namespace

std::vector<bool> Float32Nodes(const onnx::GraphProto& graph) { return Growth(graph).Run(); }

bool IsFloatInput(const onnx::NodeProto& node, int input) {
  if (node.input(input).empty()) return false;
  const bool second_counts = node.op_type() != "ReduceMean" && node.op_type() != "Pow";
  return input == 0 || second_counts;
}

}  // namespace tilewright
