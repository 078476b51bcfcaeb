// He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385: 18 layers.
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {
namespace {

void Build(ModelWriter& net, const ZooOptions& options) {
  BuildResNet(net, options, {2, 2, 2, 2}, BasicBlock);
}

}  // namespace

const ZooNetwork& resnet18() {
  static constexpr ZooNetwork kNetwork = {.summary = "residual network, 18 layers",
                                          .image = 224,
                                          .parameters = 11689512,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
