#include "compiler/onnx/zoo/ssd.h"

#include <cmath>
#include <string>
#include <utility>

namespace tilewright::zoo {
namespace {

// Of each position of a map.
struct BoxRows {
  int64_t boxes, columns;
};

// A 3x3 convolution as rows of `columns`, one a box; [batch, boxes, columns].
Value Head(ModelWriter& net, const Value& x, const std::string& name, const BoxRows& rows) {
  const auto [boxes, columns] = rows;
  Value y =
      Conv(net, x, name,
           {.channels = boxes * columns, .kernel = {3, 3}, .pad = {1, 1}, .bias = true, .gain = 1});
  y = Transpose(net, y, name + ".moved", {0, 2, 3, 1});
  return Reshape(net, y, name + ".rows", {y.shape[0], boxes * y.shape[1] * y.shape[2], columns});
}

// Widths and heights of a level's boxes, of the image's.
std::vector<std::pair<float, float>> SizesOf(const SsdLevel& level) {
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
void AppendPriors(const Value& map, const SsdLevel& level, int64_t image,
                  std::vector<float>* rows) {
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
    return Slice(net, x, name, {2, from, from + 2});
  };
  const Value centre = part(prior, "priors.centre", 0), size = part(prior, "priors.size", 2);
  Value shift = part(offsets, "boxes.shift", 0), growth = part(offsets, "boxes.growth", 2);
  shift = Mul(net, shift, net.Scalar("boxes.tenth", 0.1f), "boxes.shift.scaled");
  growth = Mul(net, growth, net.Scalar("boxes.fifth", 0.2f), "boxes.growth.scaled");
  growth = net.Node({"Exp", "boxes.exp", {growth}, growth.shape});
  const Value at = Add(net, Mul(net, shift, size, "boxes.moved"), centre, "boxes.centre");
  Value half = Mul(net, growth, size, "boxes.size");
  half = Mul(net, half, net.Scalar("boxes.half", 0.5f), "boxes.halves");
  const Value low = net.Node({"Sub", "boxes.low", {at, half}, at.shape});
  const Value high = net.Node({"Add", "boxes.high", {at, half}, at.shape});
  return net.Node({"Concat", "boxes.corners", {low, high}, offsets.shape, {{"axis", int64_t{2}}}});
}

}  // namespace

void DetectBoxes(ModelWriter& net, const std::vector<Value>& maps, const SsdSpec& spec) {
  std::vector<Value> offsets, kinds;
  std::vector<float> priors;
  for (const Value& map : maps) {
    const SsdLevel& level = spec.levels[offsets.size()];
    const std::string at = std::to_string(offsets.size());
    offsets.push_back(Head(net, map, "regression." + at, {level.boxes(), 4}));
    kinds.push_back(Head(net, map, "classification." + at, {level.boxes(), spec.classes}));
    AppendPriors(map, level, spec.image, &priors);
  }
  const Value boxes = Decoded(net, Concat(net, offsets, "offsets"), priors);
  const Value scores = Softmax(net, Concat(net, kinds, "classes"));
  const Value objects = Transpose(net, Slice(net, scores, "objects", {2, 1, spec.classes}),
                                  "objects.rows", {0, 2, 1});
  const Value selected =
      net.Node({"NonMaxSuppression",
                "nms",
                {boxes, objects, net.Integers("nms.most", {200}),
                 net.Floats("nms.overlap", {1}, {0.45f}), net.Floats("nms.score", {1}, {0.05f})},
                {kAnyExtent, 3}});
  net.Output(boxes, DType::kF32, "boxes");
  net.Output(objects, DType::kF32, "scores");
  net.Output(selected, DType::kI64, "selected");
}

}  // namespace tilewright::zoo
