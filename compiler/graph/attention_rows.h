// Attention of a few queries, as when a decoder gives one token after another, as one definition
// with stages: the keys and values of a cache are read once each, as they lie in memory.
#pragma once

#include <optional>

#include "compiler/graph/attention_pattern.h"

namespace tilewright {

// A node in place of `product`, the attention's second product: same name and output. nullopt
// where there are too many keys for the scores of a query to stay in the cache.
std::optional<Node> AttentionByRows(const Graph& graph, const Node& product,
                                    const FoundAttention& found);

}  // namespace tilewright
