// Liu et al., "SSD: Single Shot MultiBox Detector", arXiv:1512.02325, at 300 x 300 on VGG-16 with
// torchvision's 91 classes, boxes and decoding, and with the suppression of boxes that overlap.
#include <cmath>

#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kClasses = 91;

// Of one level: its boxes' ratios beside 1 and their inverses, and their size and the next
// level's, of the image's height.
struct Level {
  std::vector<float> ratios;
  float size, next;

  int64_t boxes() const { return 2 + 2 * static_cast<int64_t>(ratios.size()); }
};
const std::vector<Level>& Levels() {
  static const auto* levels = new std::vector<Level>{
      {{2}, 0.07f, 0.15f},    {{2, 3}, 0.15f, 0.33f}, {{2, 3}, 0.33f, 0.51f},
      {{2, 3}, 0.51f, 0.69f}, {{2}, 0.69f, 0.87f},    {{2}, 0.87f, 1.05f}};
  return *levels;
}

Value Cr(ModelWriter& net, const Value& x, const std::string& name, ConvSpec spec) {
  spec.bias = true;
  return Relu(net, Conv(net, x, name, spec));
}

Value Stage(ModelWriter& net, Value x, const std::string& name, int64_t channels, int convs) {
  for (int i = 1; i <= convs; ++i) {
    x = Cr(net, x, name + "_" + std::to_string(i),
           {.channels = channels, .kernel = {3, 3}, .pad = {1, 1}});
  }
  return x;
}

// Rows of unit length over the channels, times a learned scale.
Value Normalised(ModelWriter& net, const Value& x, const std::string& name) {
  const Value unit = net.Node("LpNormalization", name + ".unit", {x}, x.shape,
                              {{"axis", int64_t{1}}, {"p", int64_t{2}}});
  const Value scale =
      net.Parameter(name + ".weight", {1, x.shape[1], 1, 1}, {.mean = 20, .deviation = 1});
  return Mul(net, unit, scale, name);
}

Value Halving(ModelWriter& net, const Value& x) {
  return MaxPool(net, x, {.kernel = 2, .stride = 2, .ceil = true});
}

std::vector<Value> Features(ModelWriter& net, const Value& image) {
  Value x = Halving(net, Stage(net, image, "conv1", 64, 2));
  x = Halving(net, Stage(net, x, "conv2", 128, 2));
  x = Halving(net, Stage(net, x, "conv3", 256, 3));
  const Value conv4 = Stage(net, x, "conv4", 512, 3);
  x = Stage(net, Halving(net, conv4), "conv5", 512, 3);
  x = MaxPool(net, x, {.kernel = 3, .stride = 1, .pad = 1});
  x = Cr(net, x, "fc6", {.channels = 1024, .kernel = {3, 3}, .pad = {6, 6}, .dilation = 6});
  std::vector<Value> levels = {Normalised(net, conv4, "conv4.norm"),
                               Cr(net, x, "fc7", {.channels = 1024})};
  const auto extra = [&](const std::string& name, int64_t inner, int64_t stride) {
    const Value y = Cr(net, levels.back(), name + "_1", {.channels = inner});
    const int64_t pad = stride == 2 ? 1 : 0;
    levels.push_back(Cr(
        net, y, name + "_2",
        {.channels = 2 * inner, .kernel = {3, 3}, .stride = stride, .pad = {pad, pad}}));
  };
  extra("conv8", 256, 2);
  extra("conv9", 128, 2);
  extra("conv10", 128, 1);
  extra("conv11", 128, 1);
  return levels;
}

// A 3x3 convolution as rows of `columns`, one a box; [batch, boxes, columns].
Value Head(ModelWriter& net, const Value& x, const std::string& name, int64_t boxes,
           int64_t columns) {
  Value y = Conv(net, x, name,
                 {.channels = boxes * columns, .kernel = {3, 3}, .pad = {1, 1}, .bias = true,
                  .gain = 1});
  y = Transpose(net, y, name + ".moved", {0, 2, 3, 1});
  return Reshape(net, y, name + ".rows",
                 {y.shape[0], boxes * y.shape[1] * y.shape[2], columns});
}

// Widths and heights of a level's boxes, of the image's.
std::vector<std::pair<float, float>> SizesOf(const Level& level) {
  const float between = std::sqrt(level.size * level.next);
  std::vector<std::pair<float, float>> sizes = {{level.size, level.size}, {between, between}};
  for (const float ratio : level.ratios) {
    const float root = std::sqrt(ratio);
    sizes.push_back({level.size * root, level.size / root});
    sizes.push_back({level.size / root, level.size * root});
  }
  return sizes;
}

// Centre and size of every box, in pixels; [positions of all levels and boxes, 4].
void AppendPriors(const Value& map, const Level& level, int64_t image, std::vector<float>* rows) {
  const auto pixels = static_cast<float>(image);
  for (int64_t y = 0; y < map.shape[2]; ++y) {
    for (int64_t x = 0; x < map.shape[3]; ++x) {
      for (const auto& [width, height] : SizesOf(level)) {
        rows->push_back((static_cast<float>(x) + 0.5f) / static_cast<float>(map.shape[3]) * pixels);
        rows->push_back((static_cast<float>(y) + 0.5f) / static_cast<float>(map.shape[2]) * pixels);
        rows->push_back(width * pixels);
        rows->push_back(height * pixels);
      }
    }
  }
}

// The corners of boxes given by offsets from the priors; [batch, boxes, 4].
Value Decoded(ModelWriter& net, const Value& offsets, const std::vector<float>& priors) {
  const int64_t count = offsets.shape[1];
  const Value prior = net.Floats("priors", {1, count, 4}, priors);
  const auto part = [&](const Value& x, const std::string& name, int64_t from) {
    return Slice(net, x, name, 2, from, from + 2);
  };
  const Value centre = part(prior, "priors.centre", 0), size = part(prior, "priors.size", 2);
  Value shift = part(offsets, "boxes.shift", 0), growth = part(offsets, "boxes.growth", 2);
  shift = Mul(net, shift, net.Scalar("boxes.tenth", 0.1f), "boxes.shift.scaled");
  growth = Mul(net, growth, net.Scalar("boxes.fifth", 0.2f), "boxes.growth.scaled");
  growth = net.Node("Exp", "boxes.exp", {growth}, growth.shape);
  const Value at = Add(net, Mul(net, shift, size, "boxes.moved"), centre, "boxes.centre");
  Value half = Mul(net, growth, size, "boxes.size");
  half = Mul(net, half, net.Scalar("boxes.half", 0.5f), "boxes.halves");
  const Value low = net.Node("Sub", "boxes.low", {at, half}, at.shape);
  const Value high = net.Node("Add", "boxes.high", {at, half}, at.shape);
  return net.Node("Concat", "boxes.corners", {low, high}, offsets.shape, {{"axis", int64_t{2}}});
}

void Build(ModelWriter& net, const ZooOptions& options) {
  const Value image =
      net.Input("images", DType::kF32, {options.batch, 3, options.image, options.image});
  std::vector<Value> offsets, classes;
  std::vector<float> priors;
  for (const Value& map : Features(net, image)) {
    const Level& level = Levels()[offsets.size()];
    const std::string at = std::to_string(offsets.size());
    offsets.push_back(Head(net, map, "regression." + at, level.boxes(), 4));
    classes.push_back(Head(net, map, "classification." + at, level.boxes(), kClasses));
    AppendPriors(map, level, options.image, &priors);
  }
  const Value boxes = Decoded(net, Concat(net, offsets, "offsets"), priors);
  const Value scores = Softmax(net, Concat(net, classes, "classes"));
  // The first class is the background.
  const Value objects = Transpose(net, Slice(net, scores, "objects", 2, 1, kClasses),
                                  "objects.rows", {0, 2, 1});
  const Value selected =
      net.Node("NonMaxSuppression", "nms",
               {boxes, objects, net.Integers("nms.most", {200}),
                net.Floats("nms.overlap", {1}, {0.45f}), net.Floats("nms.score", {1}, {0.05f})},
               {kAnyExtent, 3});
  net.Output(boxes, DType::kF32, "boxes");
  net.Output(objects, DType::kF32, "scores");
  net.Output(selected, DType::kI64, "selected");
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
