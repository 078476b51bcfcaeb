// What the transformers share, as exporters write it. Activations are [batch, sequence, hidden].
#pragma once

#include <string>
#include <vector>

#include "compiler/onnx/zoo/layers.h"

namespace tilewright::zoo {

// Of all weights of a transformer (Devlin et al., arXiv:1810.04805, appendix A.2).
inline constexpr ModelWriter::Normal kTransformerWeights = {.deviation = 0.02};

// Over the last dimension.
Value LayerNorm(ModelWriter& net, const Value& x, const std::string& name, float epsilon);

// Of `entries` rows of `units`; it bears the layer's name + ".weight".
Value EmbeddingTable(ModelWriter& net, const std::string& name, int64_t entries, int64_t units);
// Rows of a table.
Value Embedding(ModelWriter& net, const Value& ids, const std::string& name, const Value& table);

// MatMul, and Add where there is a bias.
struct LinearSpec {
  int64_t units;
  bool bias = true;
};
Value Linear(ModelWriter& net, const Value& x, const std::string& name, const LinearSpec& spec);

// [batch, sequence, hidden] to [batch, sequence, heads, size] with the axes in the order given.
Value SplitHeads(ModelWriter& net, const Value& x, int64_t heads,
                 const std::vector<int64_t>& order);
// [batch, heads, sequence, size] to [batch, sequence, hidden].
Value MergeHeads(ModelWriter& net, const Value& x);

// Of heads: q and v [batch, heads, sequence, size], k with its last two dimensions exchanged.
struct AttentionHeads {
  const Value &q, &k, &v;
  const Value* bias = nullptr;  // null: none
};
// softmax(q k / root(size) + bias) v.
Value AttentionOf(ModelWriter& net, const AttentionHeads& heads, const std::string& name);

// 0 where a token counts (1 of the int64 `mask`), -10000 where it is padding;
// [batch, 1, 1, sequence].
Value AttentionBias(ModelWriter& net, const Value& mask);

// By Erf.
Value Gelu(ModelWriter& net, const Value& x);

}  // namespace tilewright::zoo
