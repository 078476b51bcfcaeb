// Liu et al., "SSD: Single Shot MultiBox Detector", arXiv:1512.02325, at 300 x 300 on VGG-16 with
// torchvision's 91 classes, boxes and decoding, and with the suppression of boxes that overlap.
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/ssd.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kClasses = 91;

const std::vector<SsdLevel>& Levels() {
  static const auto* levels = new std::vector<SsdLevel>{
      {{2}, 0.07f, 0.15f},    {{2, 3}, 0.15f, 0.33f}, {{2, 3}, 0.33f, 0.51f},
      {{2, 3}, 0.51f, 0.69f}, {{2}, 0.69f, 0.87f},    {{2}, 0.87f, 1.05f}};
  return *levels;
}

struct StageSpec {
  int64_t channels;
  int convs;
};

Value Stage(ModelWriter& net, Value x, const std::string& name, const StageSpec& stage) {
  for (int i = 1; i <= stage.convs; ++i) {
    x = ConvRelu(net, x, name + "_" + std::to_string(i),
                 {.channels = stage.channels, .kernel = {3, 3}, .pad = {1, 1}});
  }
  return x;
}

// Rows of unit length over the channels, times a learned scale.
Value Normalised(ModelWriter& net, const Value& x, const std::string& name) {
  const Value unit = net.Node(
      {"LpNormalization", name + ".unit", {x}, x.shape, {{"axis", int64_t{1}}, {"p", int64_t{2}}}});
  const Value scale =
      net.Parameter(name + ".weight", {1, x.shape[1], 1, 1}, {.mean = 20, .deviation = 1});
  return Mul(net, unit, scale, name);
}

Value Halving(ModelWriter& net, const Value& x) {
  return MaxPool(net, x, {.kernel = 2, .stride = 2, .ceil = true});
}

std::vector<Value> Features(ModelWriter& net, const Value& image) {
  Value x = Halving(net, Stage(net, image, "conv1", {64, 2}));
  x = Halving(net, Stage(net, x, "conv2", {128, 2}));
  x = Halving(net, Stage(net, x, "conv3", {256, 3}));
  const Value conv4 = Stage(net, x, "conv4", {512, 3});
  x = Stage(net, Halving(net, conv4), "conv5", {512, 3});
  x = MaxPool(net, x, {.kernel = 3, .stride = 1, .pad = 1});
  x = ConvRelu(net, x, "fc6", {.channels = 1024, .kernel = {3, 3}, .pad = {6, 6}, .dilation = 6});
  std::vector<Value> levels = {Normalised(net, conv4, "conv4.norm"),
                               ConvRelu(net, x, "fc7", {.channels = 1024})};
  const auto extra = [&](const std::string& name, int64_t inner, int64_t stride) {
    const Value y = ConvRelu(net, levels.back(), name + "_1", {.channels = inner});
    const int64_t pad = stride == 2 ? 1 : 0;
    levels.push_back(
        ConvRelu(net, y, name + "_2",
                 {.channels = 2 * inner, .kernel = {3, 3}, .stride = stride, .pad = {pad, pad}}));
  };
  extra("conv8", 256, 2);
  extra("conv9", 128, 2);
  extra("conv10", 128, 1);
  extra("conv11", 128, 1);
  return levels;
}

void Build(ModelWriter& net, const ZooOptions& options) {
  const Value image =
      net.Input("images", DType::kF32, {options.batch, 3, options.image, options.image});
  DetectBoxes(net, Features(net, image), {Levels(), options.image, kClasses});
}

}  // namespace

const ZooNetwork& ssd300_vgg16() {
  static constexpr ZooNetwork kNetwork = {.summary = "detector, 91 classes, with suppression",
                                          .image = 300,
                                          .parameters = 35641826,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
