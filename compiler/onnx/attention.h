// Scaled dot-product attention and how tensors are split into heads, for ONNX's Attention and ONNX
// Runtime's relatives of it.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// Gives a value of the same type.
using ChangeFn = std::function<absl::StatusOr<ValueId>(ValueId)>;

struct AttentionInputs {
  ValueId query;  // [batch, heads, queries, size]
  ValueId key;    // [batch, key heads, keys, size]; heads are a multiple of key heads
  ValueId value;  // [batch, key heads, keys, value size]
  // Added to the scores; each broadcasts to [batch, heads, queries, keys].
  std::vector<ValueId> biases = {};
  double scale = 1;
  double softcap = 0;       // scores become cap * tanh(score / cap); 0: they stay
  int64_t causal = -1;      // query i sees keys up to i + causal; negative: all
  double masked = 0;        // what is added to the score of a key that causality hides; 0: -inf
  bool empty_rows = false;  // a query that sees no key gives 0 and not NaN
  // Of the softmax, and of what is changed before and after it; the query's where it is absent.
  std::optional<DType> precision = std::nullopt;
  // What becomes of the scores and of the probabilities; null: they stay.
  ChangeFn change_scores = nullptr, change_probabilities = nullptr;
};

// [batch, heads, queries, value size]; also the scores after scale, cap and biases, and after the
// softmax. InvalidArgument for shapes and types that do not fit.
struct AttentionResult {
  ValueId output, product, capped, biased, probabilities;
};
absl::StatusOr<AttentionResult> Attend(OpBuilder& b, const AttentionInputs& a);

// [batch, length, heads * size] -> [batch, heads, length, size] and back.
absl::StatusOr<ValueId> SplitHeads(OpBuilder& b, ValueId x, int64_t heads);
absl::StatusOr<ValueId> JoinHeads(OpBuilder& b, ValueId x);

// What a mask says as something to add: 0 where it is true (or not 0), else `masked`.
absl::StatusOr<ValueId> MaskToBias(OpBuilder& b, ValueId mask, double masked, DType dtype);

}  // namespace tilewright
