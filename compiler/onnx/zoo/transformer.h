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

// Rows of a table of `entries` by `units`; the table is returned where `table` is not null.
Value Embedding(ModelWriter& net, const Value& ids, const std::string& name, int64_t entries,
                int64_t units, Value* table = nullptr);

// MatMul, and Add where there is a bias.
Value Linear(ModelWriter& net, const Value& x, const std::string& name, int64_t units,
             bool bias = true);

// [batch, sequence, hidden] to [batch, sequence, heads, size] with the axes in the order given.
Value SplitHeads(ModelWriter& net, const Value& x, int64_t heads,
                 const std::vector<int64_t>& order);
// [batch, heads, sequence, size] to [batch, sequence, hidden].
Value MergeHeads(ModelWriter& net, const Value& x);

// softmax(q k / root(size) + bias) v of heads: q and v [batch, heads, sequence, size], k with its
// last two dimensions exchanged. Without a bias where it is null.
Value AttentionOf(ModelWriter& net, const Value& q, const Value& k, const Value& v,
                  const Value* bias, const std::string& name);

// 0 where a token counts (1 of the int64 `mask`), -10000 where it is padding;
// [batch, 1, 1, sequence].
Value AttentionBias(ModelWriter& net, const Value& mask);

// By Erf.
Value Gelu(ModelWriter& net, const Value& x);

}  // namespace tilewright::zoo
