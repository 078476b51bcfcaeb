// Layers as exporters write them, on top of ModelWriter: names, weights, output shapes.
// Images are NCHW. A layer's node bears the layer's name, its weights add ".weight", ".bias", ...
#pragma once

#include <array>
#include <string>
#include <vector>

#include "compiler/onnx/zoo/model_writer.h"

namespace tilewright::zoo {

// Inference mode, statistics near identity. A small `scale` on the last norm of a residual branch
// keeps deep residual networks from growing (Goyal et al., arXiv:1706.02677, section 5.1).
struct NormSpec {
  double scale = 1;
  float epsilon = 1e-5f;
};
inline constexpr NormSpec kBranchEnd = {.scale = 0.25};

// Weights are normal with variance gain / fan-in (He et al., arXiv:1502.01852): a gain of 2 keeps
// the activations' size through layers that follow a ReLU, a gain of 1 through linear ones.
struct ConvSpec {
  int64_t channels;
  std::array<int64_t, 2> kernel = {1, 1};
  int64_t stride = 1;
  std::array<int64_t, 2> pad = {0, 0};
  int64_t groups = 1;
  bool bias = false;
  double gain = 2;
  int64_t dilation = 1;
  double bias_mean = 0;
  NormSpec norm = {};  // of ConvBn
};
Value Conv(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec);

// Conv with a bias, then ReLU.
Value ConvRelu(ModelWriter& net, const Value& x, const std::string& name, ConvSpec spec);

Value BatchNorm(ModelWriter& net, const Value& x, const std::string& name,
                const NormSpec& spec = {});

// Conv, then batch norm under the name + ".bn" (and ReLU).
Value ConvBn(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec);
Value ConvBnRelu(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec);

// What follows a layer: Relu, Silu, ...
using Activation = Value (*)(ModelWriter& net, const Value& x);

// The name of a layer without weights is its input's name and its own: "conv1/Relu".
Value Relu(ModelWriter& net, const Value& x);
Value Relu6(ModelWriter& net, const Value& x);  // Clip to [0, 6]
Value Sigmoid(ModelWriter& net, const Value& x);
Value HardSigmoid(ModelWriter& net, const Value& x);  // clip(x / 6 + 1 / 2, 0, 1)
Value HardSwish(ModelWriter& net, const Value& x);
Value Silu(ModelWriter& net, const Value& x);  // x sigmoid(x)
Value Softmax(ModelWriter& net, const Value& x);
Value Flatten(ModelWriter& net, const Value& x);

struct PoolSpec {
  int64_t kernel, stride = 1, pad = 0;
  bool ceil = false;
};
Value MaxPool(ModelWriter& net, const Value& x, const PoolSpec& spec);
// Counts padding as zeros, as torch.nn.AvgPool2d does.
Value AveragePool(ModelWriter& net, const Value& x, const PoolSpec& spec);
Value GlobalAveragePool(ModelWriter& net, const Value& x);

Value Add(ModelWriter& net, const Value& a, const Value& b, const std::string& name);
Value Mul(ModelWriter& net, const Value& a, const Value& b, const std::string& name);
// Along the channels.
Value Concat(ModelWriter& net, const std::vector<Value>& parts, const std::string& name);

// The part [from, to) of a dimension.
struct SliceSpec {
  int64_t axis, from, to;
};
Value Slice(ModelWriter& net, const Value& x, const std::string& name, const SliceSpec& spec);
Value Reshape(ModelWriter& net, const Value& x, const std::string& name, Shape shape);
Value Transpose(ModelWriter& net, const Value& x, const std::string& name,
                const std::vector<int64_t>& order);
// To the height and width of `like`: "nearest" as Upsample does, "linear" by half pixels.
struct ResizeSpec {
  Value like;
  std::string mode;
};
Value Resize(ModelWriter& net, const Value& x, const std::string& name, const ResizeSpec& spec);

// Gemm with a transposed weight and a bias.
struct DenseSpec {
  int64_t units;
  double gain = 1;
};
Value Dense(ModelWriter& net, const Value& x, const std::string& name, const DenseSpec& spec);

}  // namespace tilewright::zoo
