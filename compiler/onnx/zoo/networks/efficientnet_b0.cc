// Tan and Le, "EfficientNet: Rethinking Model Scaling", arXiv:1905.11946, table 1.
#include "compiler/onnx/zoo/inverted_residual.h"
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

struct Stage {
  int64_t expansion, kernel, stride, channels;
  int repeats;
};
constexpr Stage kStages[] = {{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2},
                             {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4},
                             {6, 3, 1, 320, 1}};

// A stage's block; only its first one strides.
Value Block(ModelWriter& net, const Value& x, const std::string& name, const Stage& stage) {
  return InvertedResidual(net, x, name,
                          {.hidden = stage.expansion * x.shape[1],
                           .channels = stage.channels,
                           .kernel = stage.kernel,
                           .stride = stage.stride,
                           .activation = Silu,
                           .norm = {},
                           .squeezed = x.shape[1] / 4,
                           .squeeze_activation = Silu,
                           .gate = Sigmoid});
}

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = Silu(net, ConvBn(net, x, "features.0",
                       {.channels = 32, .kernel = {3, 3}, .stride = 2, .pad = {1, 1}, .gain = 1}));
  int number = 0;
  for (const Stage& stage : kStages) {
    ++number;
    Stage block = stage;
    for (int i = 0; i < stage.repeats; ++i, block.stride = 1) {
      const std::string name = "features." + std::to_string(number) + "." + std::to_string(i);
      x = Block(net, x, name, block);
    }
  }
  x = Silu(net, ConvBn(net, x, "features.8", {.channels = 1280}));
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "classifier", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& efficientnet_b0() {
  static constexpr ZooNetwork kNetwork = {
      .summary = "inverted residuals with squeeze and excitation, SiLU",
      .image = 224,
      .parameters = 5288548,
      .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
