// Devlin et al., "BERT", arXiv:1810.04805, base, with pooler; the nodes are those that exporters
// write for it (Gather embeddings, MatMul + Add, GELU by Erf). Sequence length 128.
#include <string>

#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kSequence = 128, kWords = 30522, kPositions = 512, kTypes = 2;
constexpr int64_t kHidden = 768, kHeads = 12, kHeadSize = kHidden / kHeads, kInner = 3072;
constexpr int kLayers = 12;
constexpr ModelWriter::Normal kWeights = {.deviation = 0.02};  // as published

Value LayerNorm(ModelWriter& net, const Value& x, const std::string& name) {
  const Value scale = net.Parameter(name + ".weight", {kHidden}, {.mean = 1, .deviation = 0.02});
  const Value bias = net.Parameter(name + ".bias", {kHidden}, kWeights);
  return net.Node("LayerNormalization", name, {x, scale, bias}, x.shape,
                  {{"axis", int64_t{-1}}, {"epsilon", 1e-12f}});
}

Value Embedding(ModelWriter& net, const Value& ids, const std::string& name, int64_t entries) {
  const Value table = net.Parameter(name + ".weight", {entries, kHidden}, kWeights);
  Shape shape = ids.shape;
  shape.push_back(kHidden);
  return net.Node("Gather", name, {table, ids}, shape, {{"axis", int64_t{0}}});
}

Value Embeddings(ModelWriter& net, const Value& ids, const Value& types) {
  std::vector<int64_t> positions(kSequence);
  for (int64_t i = 0; i < kSequence; ++i) positions[static_cast<size_t>(i)] = i;
  const Value words = Embedding(net, ids, "embeddings.word", kWords);
  const Value places = Embedding(net, net.Integers("embeddings.position_ids", positions),
                                 "embeddings.position", kPositions);
  const Value kinds = Embedding(net, types, "embeddings.token_type", kTypes);
  const Value sum = Add(net, Add(net, words, kinds, "embeddings.add"), places, "embeddings.sum");
  return LayerNorm(net, sum, "embeddings.norm");
}

// 0 where a token counts, -10000 where it is padding; [batch, 1, 1, sequence].
Value AttentionBias(ModelWriter& net, const Value& mask) {
  const Shape shape = {mask.shape[0], 1, 1, kSequence};
  const Value wide =
      net.Node("Unsqueeze", "mask.unsqueeze", {mask, net.Integers("mask.axes", {1, 2})}, shape);
  const Value real = net.Node("Cast", "mask.cast", {wide}, shape, {{"to", int64_t{1}}});
  const Value hidden = net.Node("Sub", "mask.sub", {net.Scalar("mask.one", 1), real}, shape);
  return net.Node("Mul", "mask.mul", {hidden, net.Scalar("mask.low", -10000)}, shape);
}

Value Linear(ModelWriter& net, const Value& x, const std::string& name, int64_t units) {
  const Value weight = net.Parameter(name + ".weight", {x.shape[2], units}, kWeights);
  const Value bias = net.Parameter(name + ".bias", {units}, kWeights);
  const Shape shape = {x.shape[0], x.shape[1], units};
  const Value product = net.Node("MatMul", name + ".matmul", {x, weight}, shape);
  return net.Node("Add", name, {bias, product}, shape);
}

// [batch, sequence, hidden] to [batch, heads, ...] with the axes in the order given.
Value SplitHeads(ModelWriter& net, const Value& x, const std::vector<int64_t>& order) {
  const Shape heads = {x.shape[0], kSequence, kHeads, kHeadSize};
  const Value split =
      net.Node("Reshape", x.name + "/Reshape", {x, net.Integers(x.name + "/shape", heads)}, heads);
  Shape shape;
  for (const int64_t axis : order) shape.push_back(heads[static_cast<size_t>(axis)]);
  return net.Node("Transpose", x.name + "/Transpose", {split}, shape, {{"perm", order}});
}

Value MergeHeads(ModelWriter& net, const Value& x) {
  const Shape shape = {x.shape[0], kSequence, kHeads, kHeadSize};
  const Value moved = net.Node("Transpose", x.name + "/Transpose", {x}, shape,
                               {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  const Shape merged = {x.shape[0], kSequence, kHidden};
  return net.Node("Reshape", x.name + "/Reshape", {moved, net.Integers(x.name + "/shape", merged)},
                  merged);
}

Value Attention(ModelWriter& net, const Value& x, const Value& bias, const std::string& name) {
  const Value q = SplitHeads(net, Linear(net, x, name + ".query", kHidden), {0, 2, 1, 3});
  const Value k = SplitHeads(net, Linear(net, x, name + ".key", kHidden), {0, 2, 3, 1});
  const Value v = SplitHeads(net, Linear(net, x, name + ".value", kHidden), {0, 2, 1, 3});
  const Shape scores = {x.shape[0], kHeads, kSequence, kSequence};
  Value s = net.Node("MatMul", name + ".scores", {q, k}, scores);
  s = net.Node("Div", name + ".scaled", {s, net.Scalar(name + ".root", 8)}, scores);
  s = Softmax(net, Add(net, s, bias, name + ".masked"));
  return MergeHeads(net, net.Node("MatMul", name + ".context", {s, v}, q.shape));
}

Value Gelu(ModelWriter& net, const Value& x) {
  const std::string& name = x.name;
  Value y = net.Node("Div", name + "/Div", {x, net.Scalar(name + "/root2", 1.41421356f)}, x.shape);
  y = net.Node("Erf", name + "/Erf", {y}, x.shape);
  y = net.Node("Add", name + "/Add", {y, net.Scalar(name + "/one", 1)}, x.shape);
  y = net.Node("Mul", name + "/Mul", {x, y}, x.shape);
  return net.Node("Mul", name + "/Gelu", {y, net.Scalar(name + "/half", 0.5f)}, x.shape);
}

Value EncoderLayer(ModelWriter& net, const Value& x, const Value& bias, const std::string& name) {
  const Value context = Attention(net, x, bias, name + ".attention");
  const Value projected = Linear(net, context, name + ".attention.output", kHidden);
  const Value a =
      LayerNorm(net, Add(net, projected, x, name + ".attention.add"), name + ".attention.norm");
  const Value inner = Gelu(net, Linear(net, a, name + ".intermediate", kInner));
  const Value outer = Linear(net, inner, name + ".output", kHidden);
  return LayerNorm(net, Add(net, outer, a, name + ".output.add"), name + ".output.norm");
}

void Build(ModelWriter& net, const ZooOptions& options) {
  const Shape tokens = {options.batch, kSequence};
  const Value ids = net.Input("input_ids", DType::kI64, tokens);
  const Value mask = net.Input("attention_mask", DType::kI64, tokens);
  const Value types = net.Input("token_type_ids", DType::kI64, tokens);
  Value x = Embeddings(net, ids, types);
  const Value bias = AttentionBias(net, mask);
  for (int i = 0; i < kLayers; ++i) {
    x = EncoderLayer(net, x, bias, "encoder." + std::to_string(i));
  }
  const Value first = net.Node("Gather", "pooler.first", {x, net.Index("pooler.zero", 0)},
                               {options.batch, kHidden}, {{"axis", int64_t{1}}});
  const Value dense = Dense(net, first, "pooler.dense", kHidden, 0.02 * 0.02 * kHidden);
  const Value pooled = net.Node("Tanh", "pooler.tanh", {dense}, dense.shape);
  net.Output(x, DType::kF32, "last_hidden_state");
  net.Output(pooled, DType::kF32, "pooler_output");
}

}  // namespace

const ZooNetwork& bert_base() {
  static constexpr ZooNetwork kNetwork = {
      .summary = "transformer encoder, 12 layers, sequence length 128",
      .image = 0,
      .parameters = 109482240,
      .build = Build,
      .opset = 17};
  return kNetwork;
}

}  // namespace tilewright::zoo
