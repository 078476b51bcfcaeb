// Simonyan and Zisserman, "Very Deep Convolutional Networks", arXiv:1409.1556, configuration D.
// At another image size the first dense layer takes what the last pooling leaves.
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

struct StageSpec {
  int64_t channels;
  int convs;
};

Value Stage(ModelWriter& net, Value x, const std::string& name, const StageSpec& stage) {
  for (int i = 1; i <= stage.convs; ++i) {
    const bool on_image = x.shape[1] == 3;
    x = Relu(net, Conv(net, x, name + "_" + std::to_string(i),
                       {.channels = stage.channels,
                        .kernel = {3, 3},
                        .pad = {1, 1},
                        .bias = true,
                        .gain = on_image ? 1.0 : 2.0}));
  }
  return MaxPool(net, x, {.kernel = 2, .stride = 2});
}

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = Stage(net, x, "conv1", {64, 2});
  x = Stage(net, x, "conv2", {128, 2});
  x = Stage(net, x, "conv3", {256, 3});
  x = Stage(net, x, "conv4", {512, 3});
  x = Stage(net, x, "conv5", {512, 3});
  x = Flatten(net, x);
  x = Relu(net, Dense(net, x, "fc6", {4096, 2}));
  x = Relu(net, Dense(net, x, "fc7", {4096, 2}));
  net.Output(Dense(net, x, "fc8", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& vgg16() {
  static constexpr ZooNetwork kNetwork = {.summary = "plain 3x3 convolutions, 16 layers",
                                          .image = 224,
                                          .parameters = 138357544,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
