// Devlin et al., "BERT", arXiv:1810.04805, base, with pooler; the nodes are those that exporters
// write for it (Gather embeddings, MatMul + Add, GELU by Erf). Sequence length 128; --input-shape
// makes it another.
#include <string>

#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/transformer.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kSequence = 128, kWords = 30522, kPositions = 512, kTypes = 2;
constexpr int64_t kHidden = 768, kHeads = 12, kInner = 3072;
constexpr int kLayers = 12;

Value Norm(ModelWriter& net, const Value& x, const std::string& name) {
  return LayerNorm(net, x, name, 1e-12f);
}

Value Embeddings(ModelWriter& net, const Value& ids, const Value& types) {
  std::vector<int64_t> all(kPositions);
  for (int64_t i = 0; i < kPositions; ++i) all[static_cast<size_t>(i)] = i;
  const Value length = net.Node(
      {"Shape", "embeddings.length", {ids}, {1}, {{"start", int64_t{1}}, {"end", int64_t{2}}}});
  const Value positions = net.Node({"Slice",
                                    "embeddings.positions",
                                    {net.Integers("embeddings.position_ids", all),
                                     net.Integers("embeddings.start", {0}), length},
                                    {kSequence}});
  const auto rows = [&](const Value& which, const std::string& name, int64_t entries) {
    return Embedding(net, which, name, EmbeddingTable(net, name, entries, kHidden));
  };
  const Value words = rows(ids, "embeddings.word", kWords);
  const Value places = rows(positions, "embeddings.position", kPositions);
  const Value kinds = rows(types, "embeddings.token_type", kTypes);
  const Value sum = Add(net, Add(net, words, kinds, "embeddings.add"), places, "embeddings.sum");
  return Norm(net, sum, "embeddings.norm");
}

Value Attention(ModelWriter& net, const Value& x, const Value& bias, const std::string& name) {
  const auto heads = [&](const std::string& part, const std::vector<int64_t>& order) {
    return SplitHeads(net, Linear(net, x, name + part, {kHidden}), kHeads, order);
  };
  const Value q = heads(".query", {0, 2, 1, 3}), k = heads(".key", {0, 2, 3, 1});
  const Value v = heads(".value", {0, 2, 1, 3});
  return AttentionOf(net, {q, k, v, &bias}, name);
}

Value EncoderLayer(ModelWriter& net, const Value& x, const Value& bias, const std::string& name) {
  const Value context = Attention(net, x, bias, name + ".attention");
  const Value projected = Linear(net, context, name + ".attention.output", {kHidden});
  const Value a =
      Norm(net, Add(net, projected, x, name + ".attention.add"), name + ".attention.norm");
  const Value inner = Gelu(net, Linear(net, a, name + ".intermediate", {kInner}));
  const Value outer = Linear(net, inner, name + ".output", {kHidden});
  return Norm(net, Add(net, outer, a, name + ".output.add"), name + ".output.norm");
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
  const Value first = net.Node({"Gather",
                                "pooler.first",
                                {x, net.Index("pooler.zero", 0)},
                                {options.batch, kHidden},
                                {{"axis", int64_t{1}}}});
  const Value dense = Dense(net, first, "pooler.dense", {kHidden, 0.02 * 0.02 * kHidden});
  const Value pooled = net.Node({"Tanh", "pooler.tanh", {dense}, dense.shape});
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
