#include "compiler/onnx/zoo/resnet.h"

namespace tilewright::zoo {

Value AddShortcut(ModelWriter& net, const Value& x, const std::string& name,
                  const ResidualBranch& branch) {
  const bool same = x.shape == branch.end.shape;
  const Value shortcut = same ? x
                              : ConvBn(net, x, name + ".downsample",
                                       {.channels = branch.end.shape[1], .stride = branch.stride});
  return Relu(net, Add(net, branch.end, shortcut, name + ".add"));
}

Value BasicBlock(ModelWriter& net, const Value& x, const std::string& name, const BlockSpec& spec) {
  const auto [channels, stride] = spec;
  const Value a =
      ConvBnRelu(net, x, name + ".conv1",
                 {.channels = channels, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}});
  const Value b =
      ConvBn(net, a, name + ".conv2",
             {.channels = channels, .kernel = {3, 3}, .pad = {1, 1}, .norm = kBranchEnd});
  return AddShortcut(net, x, name, {b, stride});
}

Value Bottleneck(ModelWriter& net, const Value& x, const std::string& name, const BlockSpec& spec) {
  const auto [channels, stride] = spec;
  const Value a = ConvBnRelu(net, x, name + ".conv1", {.channels = channels});
  const Value b =
      ConvBnRelu(net, a, name + ".conv2",
                 {.channels = channels, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}});
  const Value c = ConvBn(net, b, name + ".conv3", {.channels = 4 * channels, .norm = kBranchEnd});
  return AddShortcut(net, x, name, {c, stride});
}

std::vector<Value> ResNetStages(ModelWriter& net, const Value& image,
                                const std::array<int, 4>& depths, ResidualBlock block) {
  Value x = ConvBnRelu(net, image, "conv1",
                       {.channels = 64, .kernel = {7, 7}, .stride = 2, .pad = {3, 3}, .gain = 1});
  x = MaxPool(net, x, {.kernel = 3, .stride = 2, .pad = 1});
  std::vector<Value> stages;
  for (size_t stage = 0; stage < depths.size(); ++stage) {
    for (int i = 0; i < depths[stage]; ++i) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
      x = block(net, x, name, {int64_t{64} << stage, stage > 0 && i == 0 ? 2 : 1});
    }
    stages.push_back(x);
  }
  return stages;
}

void BuildResNet(ModelWriter& net, const ZooOptions& options, const std::array<int, 4>& depths,
                 ResidualBlock block) {
  const Value image =
      net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  const Value x =
      Flatten(net, GlobalAveragePool(net, ResNetStages(net, image, depths, block).back()));
  net.Output(Dense(net, x, "fc", {1000}), DType::kF32, "logits");
}

}  // namespace tilewright::zoo
