// Ultralytics' YOLOv8 nano (github.com/ultralytics/ultralytics, cfg/models/v8/yolov8.yaml): a
// detector of 80 classes without anchors, here with its decoding and the suppression of boxes that
// overlap. The 16 fixed weights of the distances' mean are not among the parameters.
#include <cmath>
#include <numeric>

#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kClasses = 80, kBins = 16, kBoxInner = 64;
// Of the classes' logits, so that few boxes count.
constexpr double kClassBias = -4;
constexpr NormSpec kNorm = {.epsilon = 1e-3f};

struct CbsSpec {
  int64_t channels, kernel = 1, stride = 1;
};

Value Cbs(ModelWriter& net, const Value& x, const std::string& name, const CbsSpec& spec) {
  const auto [channels, kernel, stride] = spec;
  return Silu(net, ConvBn(net, x, name,
                          {.channels = channels,
                           .kernel = {kernel, kernel},
                           .stride = stride,
                           .pad = {kernel / 2, kernel / 2},
                           .norm = kNorm}));
}

// A 1x1 convolution whose second half goes through `depth` pairs of 3x3 ones; all parts joined.
struct C2fSpec {
  int64_t channels;
  int depth;
  bool residual = false;
};

Value C2f(ModelWriter& net, const Value& x, const std::string& name, const C2fSpec& spec) {
  const int64_t channels = spec.channels, half = channels / 2;
  const Value both = Cbs(net, x, name + ".cv1", {channels});
  std::vector<Value> parts = {Slice(net, both, name + ".first", {1, 0, half}),
                              Slice(net, both, name + ".second", {1, half, channels})};
  for (int i = 0; i < spec.depth; ++i) {
    const std::string at = name + ".m." + std::to_string(i);
    const Value y =
        Cbs(net, Cbs(net, parts.back(), at + ".cv1", {half, 3}), at + ".cv2", {half, 3});
    parts.push_back(spec.residual ? Add(net, parts.back(), y, at + ".add") : y);
  }
  return Cbs(net, Concat(net, parts, name + ".concat"), name + ".cv2", {channels});
}

Value SpatialPyramid(ModelWriter& net, const Value& x, const std::string& name) {
  std::vector<Value> parts = {Cbs(net, x, name + ".cv1", {x.shape[1] / 2})};
  for (int i = 0; i < 3; ++i) {
    parts.push_back(MaxPool(net, parts.back(), {.kernel = 5, .stride = 1, .pad = 2}));
  }
  return Cbs(net, Concat(net, parts, name + ".concat"), name + ".cv2", {x.shape[1]});
}

// `x` at the size of `like`, beside it.
Value Up(ModelWriter& net, const Value& x, const Value& like, const std::string& name) {
  return Concat(net, {Resize(net, x, name + ".resize", {like, "nearest"}), like}, name + ".concat");
}

// The features at an eighth, a sixteenth and a thirty-second of the image.
std::vector<Value> Features(ModelWriter& net, const Value& image) {
  Value x = Cbs(net, Cbs(net, image, "model.0", {16, 3, 2}), "model.1", {32, 3, 2});
  x = Cbs(net, C2f(net, x, "model.2", {32, 1, true}), "model.3", {64, 3, 2});
  const Value p3 = C2f(net, x, "model.4", {64, 2, true});
  const Value p4 = C2f(net, Cbs(net, p3, "model.5", {128, 3, 2}), "model.6", {128, 2, true});
  x = C2f(net, Cbs(net, p4, "model.7", {256, 3, 2}), "model.8", {256, 1, true});
  const Value p5 = SpatialPyramid(net, x, "model.9");
  const Value n4 = C2f(net, Up(net, p5, p4, "model.10"), "model.12", {128, 1});
  const Value n3 = C2f(net, Up(net, n4, p3, "model.13"), "model.15", {64, 1});
  x = Concat(net, {Cbs(net, n3, "model.16", {64, 3, 2}), n4}, "model.17");
  const Value m4 = C2f(net, x, "model.18", {128, 1});
  x = Concat(net, {Cbs(net, m4, "model.19", {128, 3, 2}), p5}, "model.20");
  return {n3, m4, C2f(net, x, "model.21", {256, 1})};
}

struct HeadSpec {
  int64_t inner, channels;
  double bias = 0;
};

// Two 3x3 convolutions and a 1x1 one, as [batch, channels, positions].
Value Head(ModelWriter& net, const Value& x, const std::string& name, const HeadSpec& spec) {
  const auto [inner, channels, bias] = spec;
  Value y = Cbs(net, Cbs(net, x, name + ".0", {inner, 3}), name + ".1", {inner, 3});
  y = Conv(net, y, name + ".2", {.channels = channels, .bias = true, .gain = 1, .bias_mean = bias});
  return Reshape(net, y, name + ".flat", {y.shape[0], channels, y.shape[2] * y.shape[3]});
}

// The centres [1, 2, positions] of all levels' cells and the cells' sizes [1, 1, positions].
struct Grid {
  std::vector<float> x, y, size;

  void Append(const Value& level, float stride) {
    for (int64_t row = 0; row < level.shape[2]; ++row) {
      for (int64_t column = 0; column < level.shape[3]; ++column) {
        x.push_back(static_cast<float>(column) + 0.5f);
        y.push_back(static_cast<float>(row) + 0.5f);
        size.push_back(stride);
      }
    }
  }
};

// Means of the distributions over 0..15 of the four distances; [batch, 4, positions].
Value Distances(ModelWriter& net, const Value& bins) {
  const int64_t batch = bins.shape[0], count = bins.shape[2];
  Value y = Reshape(net, bins, "dfl.bins", {batch, 4, kBins, count});
  y = Transpose(net, y, "dfl.moved", {0, 3, 1, 2});
  std::vector<float> values(kBins);
  std::iota(values.begin(), values.end(), 0.0f);
  y = net.Node({"MatMul",
                "dfl",
                {Softmax(net, y), net.Floats("dfl.weight", {kBins, 1}, values)},
                {batch, count, 4, 1}});
  return Transpose(net, Reshape(net, y, "dfl.flat", {batch, count, 4}), "dfl.distances", {0, 2, 1});
}

// Corners in pixels; [batch, positions, 4].
Value Boxes(ModelWriter& net, const Value& distances, const Grid& grid) {
  const auto count = static_cast<int64_t>(grid.x.size());
  std::vector<float> at = grid.x;
  at.insert(at.end(), grid.y.begin(), grid.y.end());
  const Value centres = net.Floats("centres", {1, 2, count}, at);
  const Value low = Slice(net, distances, "boxes.low", {1, 0, 2});
  const Value high = Slice(net, distances, "boxes.high", {1, 2, 4});
  const Value first = net.Node({"Sub", "boxes.first", {centres, low}, low.shape});
  const Value last = net.Node({"Add", "boxes.last", {centres, high}, high.shape});
  const Value cells = Concat(net, {first, last}, "boxes.cells");
  const Value pixels = net.Floats("cells", {1, 1, count}, grid.size);
  return Transpose(net, Mul(net, cells, pixels, "boxes.pixels"), "boxes.rows", {0, 2, 1});
}

void Build(ModelWriter& net, const ZooOptions& options) {
  const Value image =
      net.Input("images", DType::kF32, {options.batch, 3, options.image, options.image});
  std::vector<Value> bins, classes;
  Grid grid;
  float stride = 8;
  for (const Value& level : Features(net, image)) {
    const std::string at = "model.22." + std::to_string(bins.size());
    bins.push_back(Head(net, level, at + ".cv2", {kBoxInner, 4 * kBins}));
    classes.push_back(Head(net, level, at + ".cv3", {kClasses, kClasses, kClassBias}));
    grid.Append(level, stride);
    stride *= 2;
  }
  const auto count = static_cast<int64_t>(grid.x.size());
  const auto join = [&](const std::vector<Value>& parts, const std::string& name) {
    return net.Node(
        {"Concat", name, parts, {options.batch, parts[0].shape[1], count}, {{"axis", int64_t{2}}}});
  };
  const Value boxes = Boxes(net, Distances(net, join(bins, "bins")), grid);
  const Value scores = Sigmoid(net, join(classes, "classes"));
  const Value selected =
      net.Node({"NonMaxSuppression",
                "nms",
                {boxes, scores, net.Integers("nms.most", {100}),
                 net.Floats("nms.overlap", {1}, {0.7f}), net.Floats("nms.score", {1}, {0.25f})},
                {kAnyExtent, 3}});
  net.Output(boxes, DType::kF32, "boxes");
  net.Output(scores, DType::kF32, "scores");
  net.Output(selected, DType::kI64, "selected");
}

}  // namespace

const ZooNetwork& yolov8n() {
  static constexpr ZooNetwork kNetwork = {.summary = "detector, 80 classes, with suppression",
                                          .image = 640,
                                          .parameters = 3157184,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
