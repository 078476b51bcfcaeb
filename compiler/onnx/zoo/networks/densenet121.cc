// Huang et al., "Densely Connected Convolutional Networks", arXiv:1608.06993, table 1.
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kGrowth = 32;
constexpr int64_t kBottleneck = 4 * kGrowth;

Value NormRelu(ModelWriter& net, const Value& x, const std::string& name) {
  return Relu(net, BatchNorm(net, x, name));
}

// Appends `growth` channels computed from all channels before.
Value DenseLayer(ModelWriter& net, const Value& x, const std::string& name) {
  Value y = NormRelu(net, x, name + ".norm1");
  y = Conv(net, y, name + ".conv1", {.channels = kBottleneck});
  y = NormRelu(net, y, name + ".norm2");
  y = Conv(net, y, name + ".conv2", {.channels = kGrowth, .kernel = {3, 3}, .pad = {1, 1}});
  return Concat(net, {x, y}, name + ".concat");
}

// Halves the channels and the image.
Value Transition(ModelWriter& net, const Value& x, const std::string& name) {
  Value y = NormRelu(net, x, name + ".norm");
  y = Conv(net, y, name + ".conv", {.channels = x.shape[1] / 2});
  return AveragePool(net, y, {.kernel = 2, .stride = 2});
}

void Build(ModelWriter& net, const ZooOptions& options) {
  constexpr int kLayers[] = {6, 12, 24, 16};
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = ConvBnRelu(net, x, "conv0",
                 {.channels = 64, .kernel = {7, 7}, .stride = 2, .pad = {3, 3}, .gain = 1});
  x = MaxPool(net, x, {.kernel = 3, .stride = 2, .pad = 1});
  for (int block = 1; block <= 4; ++block) {
    const std::string number = std::to_string(block);
    for (int layer = 1; layer <= kLayers[block - 1]; ++layer) {
      x = DenseLayer(net, x, "denseblock" + number + ".layer" + std::to_string(layer));
    }
    if (block < 4) x = Transition(net, x, "transition" + number);
  }
  x = NormRelu(net, x, "norm5");
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "classifier", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& densenet121() {
  static constexpr ZooNetwork kNetwork = {.summary = "densely connected, 121 layers",
                                          .image = 224,
                                          .parameters = 7978856,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
