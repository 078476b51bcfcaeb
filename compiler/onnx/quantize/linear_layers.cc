#include "compiler/onnx/quantize/linear_layers.h"

#include <optional>
#include <unordered_map>

namespace tilewright {
namespace {

using Constants = std::unordered_map<std::string, const onnx::TensorProto*>;

const onnx::TensorProto* ValueOf(const onnx::NodeProto& node) {
  if (node.op_type() != "Constant") return nullptr;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == "value" && attribute.has_t()) return &attribute.t();
  }
  return nullptr;
}

Constants ConstantsOf(const onnx::GraphProto& graph) {
  Constants constants;
  for (const onnx::TensorProto& tensor : graph.initializer()) constants[tensor.name()] = &tensor;
  for (const onnx::NodeProto& node : graph.node()) {
    if (const onnx::TensorProto* value = ValueOf(node)) constants[node.output(0)] = value;
  }
  return constants;
}

double Attribute(const onnx::NodeProto& node, const std::string& name, double otherwise) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() != name) continue;
    return attribute.has_f() ? attribute.f() : static_cast<double>(attribute.i());
  }
  return otherwise;
}

// Which of the weight's dimensions counts output channels; nullopt: no such layer.
std::optional<int> ChannelAxis(const onnx::NodeProto& node, int rank) {
  const std::string& op = node.op_type();
  if (op == "Conv" && rank >= 3) return 0;
  if (op == "ConvTranspose" && rank >= 3) return 1;
  if (rank != 2) return std::nullopt;
  if (op == "MatMul") return 1;
  const bool plain = Attribute(node, "transA", 0) == 0 && Attribute(node, "alpha", 1) == 1 &&
                     Attribute(node, "beta", 1) == 1;
  if (op == "Gemm" && plain) return Attribute(node, "transB", 0) != 0 ? 0 : 1;
  return std::nullopt;
}

// With one number an output channel, which a grouped transposed convolution has not in its weight.
bool IsChannelBias(const onnx::TensorProto* bias, int64_t channels) {
  return bias && bias->data_type() == onnx::TensorProto::FLOAT && bias->dims_size() == 1 &&
         bias->dims(0) == channels;
}

}  // namespace

std::vector<LinearLayer> LinearLayers(const onnx::GraphProto& graph) {
  const Constants constants = ConstantsOf(graph);
  const auto find = [&](const onnx::NodeProto& node, int input) -> const onnx::TensorProto* {
    const auto it = node.input_size() > input ? constants.find(node.input(input)) : constants.end();
    return it == constants.end() ? nullptr : it->second;
  };
  std::vector<LinearLayer> layers;
  for (int i = 0; i < graph.node_size(); ++i) {
    const onnx::NodeProto& node = graph.node(i);
    const onnx::TensorProto* weight = find(node, 1);
    const bool fits = (node.domain().empty() || node.domain() == "ai.onnx") && weight &&
                      weight->data_type() == onnx::TensorProto::FLOAT && node.output_size() == 1 &&
                      !find(node, 0);
    const std::optional<int> axis =
        fits ? ChannelAxis(node, weight->dims_size()) : std::optional<int>();
    if (!axis) continue;
    LinearLayer layer{.node = i,
                      .name = node.name().empty() ? node.output(0) : node.name(),
                      .op = node.op_type(),
                      .input = node.input(0),
                      .output = node.output(0),
                      .weight = node.input(1),
                      .channel_axis = *axis,
                      .channels = weight->dims(*axis)};
    if (IsChannelBias(find(node, 2), layer.channels)) layer.bias = node.input(2);
    layers.push_back(std::move(layer));
  }
  return layers;
}

const onnx::TensorProto* FindConstant(const onnx::GraphProto& graph, const std::string& name) {
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    if (tensor.name() == name) return &tensor;
  }
  for (const onnx::NodeProto& node : graph.node()) {
    if (node.output_size() > 0 && node.output(0) == name) return ValueOf(node);
  }
  return nullptr;
}

}  // namespace tilewright
