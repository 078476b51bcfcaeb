// Recognising attention in a graph: softmax between two batched products.
#pragma once

#include <optional>
#include <vector>

#include "compiler/graph/graph.h"

namespace tilewright {

// A map that is not in the graph yet.
struct NewMap {
  Compute compute;
  std::vector<ValueId> inputs;
};

struct FoundAttention {
  // What the products read: [batch * groups, heads / groups * queries, size], [batch * groups,
  // size, keys] and [batch * groups, keys, values].
  ValueId query, key, value;
  int64_t batch, heads, groups, queries;
  double scale = 1;  // of the scores
  // What is added to them, [batch or 1, heads or 1, queries or 1, keys].
  std::optional<NewMap> mask;
  int64_t causal = -1;  // query m sees keys up to m + causal; -1: all
  bool empty_rows = false;
};

// The attention whose second product is `product`; nullopt where it is none, or where anything
// else reads what is in between. A key that is hidden by a score below -1e30 instead of -inf has
// that added to it: no score is large enough to change such a sum.
std::optional<FoundAttention> FindAttention(const Graph& graph, const Node& product);

}  // namespace tilewright
