#include "compiler/onnx/quantize/qdq.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/quantize/linear_layers.h"
#include "compiler/onnx/quantize/model_edit.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

// The least normal float: a scale below it would divide by a denormal number.
constexpr float kLeastScale = std::numeric_limits<float>::min();

struct ActivationScale {
  float scale = 1;
  uint8_t zero_point = 0;
};

ActivationScale ScaleOf(const ValueRange& range) {
  const auto scale = static_cast<float>((range.hi - range.lo) / 255);
  if (!(scale >= kLeastScale)) return {};
  const double zero = std::nearbyint(-range.lo / scale);
  return {scale, static_cast<uint8_t>(std::clamp(zero, 0.0, 255.0))};
}

// One a channel, or one.
std::vector<float> WeightScales(const Tensor& weight, int axis, bool per_channel) {
  int64_t inner = 1;
  for (size_t d = axis + 1; d < weight.shape().size(); ++d) inner *= weight.shape()[d];
  const int64_t channels = weight.shape()[axis];
  std::vector<float> largest(per_channel ? channels : 1, 0.0f);
  for (int64_t i = 0; i < weight.size(); ++i) {
    float& of_channel = largest[per_channel ? i / inner % channels : 0];
    of_channel = std::max(of_channel, std::fabs(weight.as<float>()[i]));
  }
  for (float& scale : largest) {
    scale /= 127;
    if (!(scale >= kLeastScale)) scale = 1;
  }
  return largest;
}

std::string QuantizedBytes(const Tensor& weight, int axis, const std::vector<float>& scales) {
  int64_t inner = 1;
  for (size_t d = axis + 1; d < weight.shape().size(); ++d) inner *= weight.shape()[d];
  const auto count = static_cast<int64_t>(scales.size());
  std::string bytes(weight.size(), 0);
  for (int64_t i = 0; i < weight.size(); ++i) {
    const float level = std::nearbyint(weight.as<float>()[i] / scales[i / inner % count]);
    bytes[i] = static_cast<char>(static_cast<int8_t>(std::clamp(level, -127.0f, 127.0f)));
  }
  return bytes;
}

class Quantizer {
 public:
  Quantizer(onnx::ModelProto model, const std::map<std::string, ValueRange>& ranges,
            const QdqOptions& options)
      : edit_(std::move(model)), ranges_(ranges), options_(options) {}

  absl::StatusOr<onnx::ModelProto> Run() && {
    const std::vector<LinearLayer> layers = LinearLayers(edit_.graph());
    if (layers.empty()) {
      return absl::InvalidArgumentError(
          "no layer to quantise: no Conv, ConvTranspose, Gemm or MatMul with constant float32 "
          "weights");
    }
    for (const LinearLayer& layer : layers) {
      const absl::Status status = Quantize(layer);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(layer.name, ": ", status.message()));
      }
    }
    return std::move(edit_).Finish();
  }

 private:
  absl::Status Quantize(const LinearLayer& layer) {
    TW_ASSIGN_OR_RETURN(const Tensor weight, Constant(layer.weight));
    std::vector<float> scales = WeightScales(weight, layer.channel_axis, options_.per_channel);
    const ActivationScale data = ScaleOf(ranges_.at(layer.input));
    edit_.ReplaceInput(layer.node, 0, Activation(layer, data));
    edit_.ReplaceInput(layer.node, 1, Weight(layer, weight, scales));
    if (layer.bias.empty()) return absl::OkStatus();
    for (float& scale : scales) scale *= data.scale;
    TW_ASSIGN_OR_RETURN(const Tensor bias, Constant(layer.bias));
    if (const auto name = Bias(layer, bias, scales)) edit_.ReplaceInput(layer.node, 2, *name);
    return absl::OkStatus();
  }

  absl::StatusOr<Tensor> Constant(const std::string& name) const {
    return FromOnnxTensor(*FindConstant(edit_.graph(), name));
  }

  // Once for all layers that read it.
  std::string Activation(const LinearLayer& layer, const ActivationScale& to) {
    const auto [it, is_new] = activations_.try_emplace(layer.input);
    if (!is_new) return it->second;
    const std::string& name = layer.input;
    const std::string scale = edit_.AddFloats(name + "_scale", {}, {to.scale});
    const std::string zero = edit_.AddTensor(name + "_zero_point", onnx::TensorProto::UINT8, {},
                                             std::string(1, static_cast<char>(to.zero_point)));
    const std::string quantized =
        edit_.AddNode(layer.node, "QuantizeLinear", {name, scale, zero}, name + "_quantized");
    it->second = edit_.AddNode(layer.node, "DequantizeLinear", {quantized, scale, zero},
                               name + "_dequantized");
    return it->second;
  }

  std::string Weight(const LinearLayer& layer, const Tensor& weight,
                     const std::vector<float>& scales) {
    const std::string& name = layer.weight;
    const std::string quantized =
        edit_.AddTensor(name + "_quantized", onnx::TensorProto::INT8, weight.shape(),
                        QuantizedBytes(weight, layer.channel_axis, scales));
    const std::string zero = edit_.AddTensor(name + "_zero_point", onnx::TensorProto::INT8,
                                             ScaleShape(scales), std::string(scales.size(), 0));
    return Dequantize(layer.node, name, {quantized, AddScales(name, scales), zero},
                      layer.channel_axis);
  }

  // nullopt: its numbers do not fit into 32 bits in this scale, and it stays a float.
  std::optional<std::string> Bias(const LinearLayer& layer, const Tensor& bias,
                                  const std::vector<float>& scales) {
    std::string bytes;
    for (int64_t i = 0; i < bias.size(); ++i) {
      const double level = std::nearbyint(static_cast<double>(bias.as<float>()[i]) /
                                          scales[options_.per_channel ? i : 0]);
      if (!(std::fabs(level) <= std::numeric_limits<int32_t>::max())) return std::nullopt;
      const auto integer = static_cast<int32_t>(level);
      bytes.append(reinterpret_cast<const char*>(&integer), sizeof(integer));
    }
    const std::string quantized = edit_.AddTensor(
        layer.bias + "_quantized", onnx::TensorProto::INT32, bias.shape(), std::move(bytes));
    return Dequantize(layer.node, layer.bias, {quantized, AddScales(layer.bias, scales)}, 0);
  }

  Shape ScaleShape(const std::vector<float>& scales) const {
    return options_.per_channel ? Shape{static_cast<int64_t>(scales.size())} : Shape{};
  }
  std::string AddScales(const std::string& of, const std::vector<float>& scales) {
    return edit_.AddFloats(of + "_scale", ScaleShape(scales), scales);
  }
  std::string Dequantize(int before, const std::string& name,
                         const std::vector<std::string>& inputs, int axis) {
    const std::string output =
        edit_.AddNode(before, "DequantizeLinear", inputs, name + "_dequantized");
    if (options_.per_channel) edit_.SetInt(output, "axis", axis);
    return output;
  }

  ModelEdit edit_;
  const std::map<std::string, ValueRange>& ranges_;
  const QdqOptions options_;
  std::map<std::string, std::string> activations_;
};

}  // namespace

absl::StatusOr<onnx::ModelProto> WithQuantizers(onnx::ModelProto model,
                                                const std::map<std::string, ValueRange>& ranges,
                                                const QdqOptions& options) {
  const int64_t needed = options.per_channel ? 13 : 10, opset = OpsetOf(model);
  if (opset < needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has opset ", opset, "; ",
                     options.per_channel ? "scales a channel need 13 (one a weight, --per-tensor, "
                                           "needs 10)"
                                         : "quantising needs 10",
                     ": export it with a newer one"));
  }
  return Quantizer(std::move(model), ranges, options).Run();
}

}  // namespace tilewright
