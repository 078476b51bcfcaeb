// A decoder with its cache: one token after 255, of the 15-million-parameter network of Karpathy's
// llama2.c (github.com/karpathy/llama2.c), with the layers of Touvron et al., arXiv:2302.13971:
// RMS norm, rotary positions, gated SiLU, and the embedding's weights in the last product.
#include <cmath>

#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/transformer.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kWords = 32000, kHidden = 288, kHeads = 6, kSize = kHidden / kHeads;
constexpr int64_t kInner = 768, kPast = 255, kRotated = kSize / 2;
constexpr int kLayers = 6;

Value RmsNorm(ModelWriter& net, const Value& x, const std::string& name) {
  Shape mean = x.shape;
  mean.back() = 1;
  Value y = net.Node({"Pow", name + ".pow", {x, net.Scalar(name + ".two", 2)}, x.shape});
  y = net.Node({"ReduceMean", name + ".mean", {y}, mean, {{"axes", std::vector<int64_t>{-1}}}});
  y = net.Node({"Add", name + ".add", {y, net.Scalar(name + ".epsilon", 1e-5f)}, mean});
  y = net.Node({"Sqrt", name + ".sqrt", {y}, mean});
  y = net.Node({"Div", name + ".div", {net.Scalar(name + ".one", 1), y}, mean});
  y = Mul(net, x, y, name + ".normed");
  const Value scale =
      net.Parameter(name + ".weight", {x.shape.back()}, {.mean = 1, .deviation = 0.02});
  return Mul(net, y, scale, name);
}

// Cosines and sines of the positions' angles; [batch, 1, 1, size].
struct Rotation {
  Value cosines, sines;
};

Rotation RotationOf(ModelWriter& net, const Value& positions) {
  std::vector<float> speeds;
  for (int64_t i = 0; i < kRotated; ++i) {
    speeds.push_back(std::pow(10000.0f, -2 * static_cast<float>(i) / kSize));
  }
  const Shape half = {positions.shape[0], 1, 1, kRotated}, whole = {half[0], 1, 1, kSize};
  const Value at = Reshape(net, positions, "rotary.positions", {half[0], 1, 1, 1});
  const Value real = net.Node({"Cast", "rotary.cast", {at}, at.shape, {{"to", int64_t{1}}}});
  const Value angles = net.Node(
      {"Mul", "rotary.angles", {real, net.Floats("rotary.speeds", {kRotated}, speeds)}, half});
  const Value both =
      net.Node({"Concat", "rotary.both", {angles, angles}, whole, {{"axis", int64_t{-1}}}});
  return {net.Node({"Cos", "rotary.cos", {both}, whole}),
          net.Node({"Sin", "rotary.sin", {both}, whole})};
}

// Each pair (x[i], x[i + size / 2]) turned by its angle (Su et al., arXiv:2104.09864).
Value Rotated(ModelWriter& net, const Value& x, const Rotation& by, const std::string& name) {
  const Value low = Slice(net, x, name + ".low", {3, 0, kRotated});
  const Value high = Slice(net, x, name + ".high", {3, kRotated, kSize});
  const Value negative = net.Node({"Neg", name + ".neg", {high}, high.shape});
  const Value turned =
      net.Node({"Concat", name + ".turned", {negative, low}, x.shape, {{"axis", int64_t{-1}}}});
  return Add(net, Mul(net, x, by.cosines, name + ".x_cos"),
             Mul(net, turned, by.sines, name + ".x_sin"), name);
}

// What came before, an input, and `now` after it, an output.
Value Cached(ModelWriter& net, const Value& now, const std::string& name) {
  Shape shape = now.shape;
  shape[2] = kPast;
  const Value past = net.Input("past." + name, DType::kF32, shape);
  shape[2] += now.shape[2];
  const Value all =
      net.Node({"Concat", name + ".cached", {past, now}, shape, {{"axis", int64_t{2}}}});
  net.Output(all, DType::kF32, "present." + name);
  return {"present." + name, shape};
}

Value Attention(ModelWriter& net, const Value& x, const Rotation& rotation,
                const std::string& name) {
  const auto heads = [&](const std::string& part) {
    return SplitHeads(net, Linear(net, x, name + part, {kHidden, false}), kHeads, {0, 2, 1, 3});
  };
  const Value q = Rotated(net, heads(".q"), rotation, name + ".q.rotated");
  const Value now = Rotated(net, heads(".k"), rotation, name + ".k.rotated");
  const Value k = Transpose(net, Cached(net, now, name + ".k"), name + ".k.moved", {0, 1, 3, 2});
  const Value v = Cached(net, heads(".v"), name + ".v");
  return Linear(net, AttentionOf(net, {q, k, v}, name), name + ".o", {kHidden, false});
}

Value DecoderLayer(ModelWriter& net, const Value& x, const Rotation& rotation,
                   const std::string& name) {
  const Value attention = Attention(net, RmsNorm(net, x, name + ".norm1"), rotation, name);
  const Value a = Add(net, attention, x, name + ".add1");
  const Value y = RmsNorm(net, a, name + ".norm2");
  const Value gate = Silu(net, Linear(net, y, name + ".gate", {kInner, false}));
  const Value inner =
      Mul(net, gate, Linear(net, y, name + ".up", {kInner, false}), name + ".inner");
  return Add(net, Linear(net, inner, name + ".down", {kHidden, false}), a, name + ".add2");
}

void Build(ModelWriter& net, const ZooOptions& options) {
  const Shape tokens = {options.batch, 1};
  const Value ids = net.Input("input_ids", DType::kI64, tokens);
  const Value positions = net.Input("position_ids", DType::kI64, tokens);
  const Value table = EmbeddingTable(net, "embedding", kWords, kHidden);
  Value x = Embedding(net, ids, "embedding", table);
  const Rotation rotation = RotationOf(net, positions);
  for (int i = 0; i < kLayers; ++i) {
    x = DecoderLayer(net, x, rotation, "layer" + std::to_string(i));
  }
  x = RmsNorm(net, x, "norm");
  const Value columns = Transpose(net, table, "lm_head", {1, 0});
  const Value logits =
      net.Node({"MatMul", "lm_head.matmul", {x, columns}, {options.batch, 1, kWords}});
  net.Output(logits, DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& stories15m() {
  static constexpr ZooNetwork kNetwork = {
      .summary = "transformer decoder with its cache, 6 layers, one token after 255",
      .image = 0,
      .parameters = 15191712,
      .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
