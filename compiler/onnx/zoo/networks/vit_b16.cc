// Dosovitskiy et al., "An Image is Worth 16x16 Words", arXiv:2010.11929, base, patches of 16 x 16,
// with torchvision's layers. At another image size there are other positions.
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/transformer.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kPatch = 16, kHidden = 768, kHeads = 12, kInner = 3072;
constexpr int kLayers = 12;
constexpr float kEpsilon = 1e-6f;

// The class's token, then one a patch, with their positions added.
Value Tokens(ModelWriter& net, const Value& image) {
  const Value patches = Conv(
      net, image, "conv_proj",
      {.channels = kHidden, .kernel = {kPatch, kPatch}, .stride = kPatch, .bias = true, .gain = 1});
  const int64_t batch = image.shape[0], count = patches.shape[2] * patches.shape[3];
  const Value rows = Transpose(net, Reshape(net, patches, "patches", {batch, kHidden, count}),
                               "tokens.patches", {0, 2, 1});
  const Shape one = {batch, 1, kHidden}, all = {batch, count + 1, kHidden};
  const Value first = net.Node({"Expand",
                                "tokens.class",
                                {net.Parameter("class_token", {1, 1, kHidden}, kTransformerWeights),
                                 net.Integers("tokens.class.shape", one)},
                                one});
  const Value joined = net.Node({"Concat", "tokens", {first, rows}, all, {{"axis", int64_t{1}}}});
  const Value positions =
      net.Parameter("encoder.pos_embedding", {1, count + 1, kHidden}, kTransformerWeights);
  return Add(net, joined, positions, "encoder.embedded");
}

// Queries, keys and values by one product, as torch's MultiheadAttention keeps its weights.
Value Attention(ModelWriter& net, const Value& x, const std::string& name) {
  const Value all = Linear(net, x, name + ".in_proj", {3 * kHidden});
  const auto heads = [&](const std::string& part, int64_t at, const std::vector<int64_t>& order) {
    return SplitHeads(net, Slice(net, all, name + part, {2, at * kHidden, (at + 1) * kHidden}),
                      kHeads, order);
  };
  const Value q = heads(".query", 0, {0, 2, 1, 3}), k = heads(".key", 1, {0, 2, 3, 1});
  const Value v = heads(".value", 2, {0, 2, 1, 3});
  return Linear(net, AttentionOf(net, {q, k, v}, name), name + ".out_proj", {kHidden});
}

Value EncoderLayer(ModelWriter& net, const Value& x, const std::string& name) {
  const Value attention =
      Attention(net, LayerNorm(net, x, name + ".ln_1", kEpsilon), name + ".self_attention");
  const Value a = Add(net, attention, x, name + ".add_1");
  Value y = LayerNorm(net, a, name + ".ln_2", kEpsilon);
  y = Gelu(net, Linear(net, y, name + ".mlp.0", {kInner}));
  return Add(net, Linear(net, y, name + ".mlp.3", {kHidden}), a, name + ".add_2");
}

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x =
      Tokens(net, net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image}));
  for (int i = 0; i < kLayers; ++i) x = EncoderLayer(net, x, "encoder." + std::to_string(i));
  x = LayerNorm(net, x, "encoder.ln", kEpsilon);
  x = net.Node({"Gather",
                "class",
                {x, net.Index("class.index", 0)},
                {options.batch, kHidden},
                {{"axis", int64_t{1}}}});
  net.Output(Dense(net, x, "head", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& vit_b16() {
  static constexpr ZooNetwork kNetwork = {
      .summary = "vision transformer, 12 layers, patches of 16 x 16",
      .image = 224,
      .parameters = 86567656,
      .build = Build,
      .opset = 17};
  return kNetwork;
}

}  // namespace tilewright::zoo
