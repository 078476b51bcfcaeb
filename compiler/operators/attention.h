// What attention's definition and its templates share. Pure.
#pragma once

#include "compiler/core/workload.h"
#include "compiler/loop/expr.h"

namespace tilewright {

// The dimensions of a workload of attention: query [batch, queries, heads, size], key [batch, keys,
// groups, size], value [batch, keys, groups, values], output [batch, queries, heads, values].
struct AttentionDims {
  int64_t batch, queries, heads, keys, groups, size, values;
};
// REQUIRES: four dimensions each of data, weight and the third input.
AttentionDims AttentionDimsOf(const Workload& workload);

// What the product of a query and a key is multiplied with.
double AttentionScale(const Workload& workload);

// Where one score is; `head` counts the query's heads.
struct ScorePlace {
  Expr batch, head, query, key;
};

// What softmax is taken of: a product that is scaled, with its element of `mask` (null: there is
// none) added, and -inf where the query does not see the key. float32.
Expr AttentionScore(const Workload& workload, Expr product, const Buffer& mask,
                    const ScorePlace& at);

// A score of which the query sees the key: up to its own number plus `causal` (-1: all); else -inf.
Expr HideKeys(int64_t causal, Expr score, const ScorePlace& at);

// What a row of scores is shifted by before the exponential: its maximum, or 0 where that is -inf.
Expr SoftmaxShift(const Expr& maximum);

// What weighted sums are multiplied with, of the sum `total` of the row's exponentials.
// `empty_rows`: 0 for a row without any.
Expr SoftmaxFactor(bool empty_rows, const Expr& total);

}  // namespace tilewright
