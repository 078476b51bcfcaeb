// He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385: 18 layers.
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {
namespace {

// Two 3x3 convolutions beside the shortcut.
Value BasicBlock(ModelWriter& net, const Value& x, const std::string& name, int64_t channels,
                 int64_t stride) {
  const Value a =
      ConvBnRelu(net, x, name + ".conv1",
                 {.channels = channels, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}});
  const Value b = ConvBn(net, a, name + ".conv2",
                         {.channels = channels, .kernel = {3, 3}, .pad = {1, 1}}, kBranchEnd);
  return AddShortcut(net, x, b, name, stride);
}

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
