// He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385: 50 layers, in the
// version 1.5 that torchvision and MLPerf use (the stride is in the 3x3 convolution).
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kExpansion = 4;

// 1x1 down, 3x3, 1x1 up beside the shortcut.
Value Bottleneck(ModelWriter& net, const Value& x, const std::string& name, int64_t channels,
                 int64_t stride) {
  const Value a = ConvBnRelu(net, x, name + ".conv1", {.channels = channels});
  const Value b =
      ConvBnRelu(net, a, name + ".conv2",
                 {.channels = channels, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}});
  const Value c = ConvBn(net, b, name + ".conv3", {.channels = kExpansion * channels}, kBranchEnd);
  return AddShortcut(net, x, c, name, stride);
}

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
