// He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385: 101 layers, in the
// version 1.5 of torchvision.
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {
namespace {

void Build(ModelWriter& net, const ZooOptions& options) {
  BuildResNet(net, options, {3, 4, 23, 3}, Bottleneck);
}

}  // namespace

const ZooNetwork& resnet101() {
  static constexpr ZooNetwork kNetwork = {.summary = "residual network, 101 layers, version 1.5",
                                          .image = 224,
                                          .parameters = 44549160,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
