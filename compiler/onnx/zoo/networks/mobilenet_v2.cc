// Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381,
// table 2, width 1.0.
#include "compiler/onnx/zoo/inverted_residual.h"
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

struct Stage {
  int64_t expansion, channels, repeats, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

Value ConvBnRelu6(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec) {
  return Relu6(net, ConvBn(net, x, name, spec));
}

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = ConvBnRelu6(net, x, "features.0",
                  {.channels = 32, .kernel = {3, 3}, .stride = 2, .pad = {1, 1}, .gain = 1});
  int number = 0;
  for (const Stage& stage : kStages) {
    for (int64_t i = 0; i < stage.repeats; ++i) {
      const std::string name = "features." + std::to_string(++number);
      x = InvertedResidual(net, x, name,
                           {.hidden = stage.expansion * x.shape[1],
                            .channels = stage.channels,
                            .kernel = 3,
                            .stride = i == 0 ? stage.stride : 1,
                            .activation = Relu6,
                            .norm = {}});
    }
  }
  x = ConvBnRelu6(net, x, "features.18", {.channels = 1280, .gain = 1});
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "classifier", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& mobilenet_v2() {
  static constexpr ZooNetwork kNetwork = {.summary = "inverted residuals, width 1.0",
                                          .image = 224,
                                          .parameters = 3504872,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
