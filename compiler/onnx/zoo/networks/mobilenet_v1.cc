// Howard et al., "MobileNets", arXiv:1704.04861, table 1, width 1.0.
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

struct Block {
  int64_t channels, stride;
};

// A depthwise 3x3 convolution, then a 1x1 one.
Value Separable(ModelWriter& net, Value x, const std::string& name, const Block& block) {
  const auto [channels, stride] = block;
  const int64_t in = x.shape[1];
  x = ConvBnRelu(net, x, name + ".dw",
                 {.channels = in, .kernel = {3, 3}, .stride = stride, .pad = {1, 1}, .groups = in});
  return ConvBnRelu(net, x, name + ".pw", {.channels = channels});
}

void Build(ModelWriter& net, const ZooOptions& options) {
  constexpr Block kBlocks[] = {{64, 1},  {128, 2},  {128, 1}, {256, 2}, {256, 1},
                               {512, 2}, {512, 1},  {512, 1}, {512, 1}, {512, 1},
                               {512, 1}, {1024, 2}, {1024, 1}};
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = ConvBnRelu(net, x, "conv0",
                 {.channels = 32, .kernel = {3, 3}, .stride = 2, .pad = {1, 1}, .gain = 1});
  int number = 0;
  for (const Block& block : kBlocks) {
    x = Separable(net, x, "conv" + std::to_string(++number), block);
  }
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "fc", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& mobilenet_v1() {
  static constexpr ZooNetwork kNetwork = {.summary = "depthwise separable convolutions, width 1.0",
                                          .image = 224,
                                          .parameters = 4231976,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
