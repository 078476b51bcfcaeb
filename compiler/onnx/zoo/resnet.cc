#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {

Value AddShortcut(ModelWriter& net, const Value& x, const Value& branch, const std::string& name,
                  int64_t stride) {
  const bool same = x.shape == branch.shape;
  const Value shortcut =
      same ? x
           : ConvBn(net, x, name + ".downsample", {.channels = branch.shape[1], .stride = stride});
  return Relu(net, Add(net, branch, shortcut, name + ".add"));
}

Value BasicBlock(ModelWriter& net, const Value& x, const std::string& name, int64_t channels,
                 int64_t stride) {
  const Value a =
      ConvBnRelu(net, x, name + ".conv1",
                 {.channels = channels, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}});
  const Value b = ConvBn(net, a, name + ".conv2",
                         {.channels = channels, .kernel = {3, 3}, .pad = {1, 1}}, kBranchEnd);
  return AddShortcut(net, x, b, name, stride);
}

Value Bottleneck(ModelWriter& net, const Value& x, const std::string& name, int64_t channels,
                 int64_t stride) {
  const Value a = ConvBnRelu(net, x, name + ".conv1", {.channels = channels});
  const Value b =
      ConvBnRelu(net, a, name + ".conv2",
                 {.channels = channels, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}});
  const Value c = ConvBn(net, b, name + ".conv3", {.channels = 4 * channels}, kBranchEnd);
  return AddShortcut(net, x, c, name, stride);
}

void BuildResNet(ModelWriter& net, const ZooOptions& options, const std::array<int, 4>& depths,
                 ResidualBlock block) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = ConvBnRelu(net, x, "conv1",
                 {.channels = 64, .kernel = {7, 7}, .stride = 2, .pad = {3, 3}, .gain = 1});
  x = MaxPool(net, x, {.kernel = 3, .stride = 2, .pad = 1});
  for (size_t stage = 0; stage < depths.size(); ++stage) {
    for (int i = 0; i < depths[stage]; ++i) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
      x = block(net, x, name, int64_t{64} << stage, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "fc", 1000), DType::kF32, "logits");
}

}  // namespace tilewright::zoo
