// He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385: 50 layers, in the
// version 1.5 that torchvision and MLPerf use (the stride is in the 3x3 convolution).
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {
namespace {

void Build(ModelWriter& net, const ZooOptions& options) {
  BuildResNet(net, options, {3, 4, 6, 3}, Bottleneck);
}

}  // namespace

const ZooNetwork& resnet50() {
  static constexpr ZooNetwork kNetwork = {.summary = "residual network, 50 layers, version 1.5",
                                          .image = 224,
                                          .parameters = 25557032,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
