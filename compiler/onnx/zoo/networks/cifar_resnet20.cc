// He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section 4.2: 20
// layers for CIFAR-10, with GluonCV's 1x1 convolutions in the shortcuts.
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {
namespace {

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = ConvBnRelu(net, x, "conv1", {.channels = 16, .kernel = {3, 3}, .pad = {1, 1}, .gain = 1});
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < 3; ++i) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
      x = BasicBlock(net, x, name, {int64_t{16} << stage, stage > 0 && i == 0 ? 2 : 1});
    }
  }
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "fc", {10}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& cifar_resnet20() {
  static constexpr ZooNetwork kNetwork = {.summary = "residual network, 20 layers, CIFAR-10",
                                          .image = 32,
                                          .parameters = 272474,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
