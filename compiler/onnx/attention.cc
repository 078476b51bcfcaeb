#include "compiler/onnx/attention.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/softmax.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

struct Sizes {
  int64_t batch, heads, key_heads, queries, keys, size, value_size;
};

absl::StatusOr<Sizes> CheckSizes(const OpBuilder& b, const AttentionInputs& a) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {a.query, a.key, a.value}));
  for (ValueId x : {a.query, a.key, a.value}) TW_RETURN_IF_ERROR(CheckRank(b, x, 4, 4));
  if (!IsFloat(b.DTypeOf(a.query))) return absl::InvalidArgumentError("query is no float tensor");
  const Shape q = b.ShapeOf(a.query), k = b.ShapeOf(a.key), v = b.ShapeOf(a.value);
  TW_RETURN_IF_ERROR(CheckShapeIs(b, a.key, {q[0], k[1], k[2], q[3]}, "key"));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, a.value, {q[0], k[1], k[2], v[3]}, "value"));
  if (k[1] < 1 || q[1] % k[1] != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(q[1], " heads are no multiple of the key's ", k[1]));
  }
  return Sizes{q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
}

absl::StatusOr<ValueId> Scale(OpBuilder& b, ValueId x, double scale) {
  if (scale == 1) return x;
  return Map(b, "attention_scale", {x},
             [scale](const Exprs& x) { return x[0] * formulas::Lit(x[0], scale); });
}

absl::StatusOr<ValueId> Cap(OpBuilder& b, ValueId scores, double cap) {
  if (cap == 0) return scores;
  return Map(b, "attention_cap", {scores}, [cap](const Exprs& x) {
    const Expr limit = formulas::Lit(x[0], cap);
    return limit * formulas::Tanh(Divide(x[0], limit));
  });
}

absl::StatusOr<ValueId> AddBiases(OpBuilder& b, const AttentionInputs& a, ValueId scores) {
  const Shape shape = b.ShapeOf(scores);
  std::vector<ValueId> inputs = {scores};
  inputs.insert(inputs.end(), a.biases.begin(), a.biases.end());
  TW_RETURN_IF_ERROR(CheckSameType(b, inputs));
  if (inputs.size() > 1) {
    TW_ASSIGN_OR_RETURN(scores, Map(b, "attention_bias", inputs, [](const Exprs& x) {
                          Expr sum = x[0];
                          for (size_t i = 1; i < x.size(); ++i) sum = sum + x[i];
                          return sum;
                        }));
    TW_RETURN_IF_ERROR(CheckShapeIs(b, scores, shape, "the sum of scores and mask"));
  }
  if (a.causal < 0) return scores;
  return b.Emit({.op = "attention_causal",
                 .inputs = {scores},
                 .type = b.TypeOf(scores),
                 .body = [&](const Point& p) {
                   const Expr score = p.Here(0);
                   const Expr hidden =
                       a.masked == 0 ? Const(-std::numeric_limits<double>::infinity(), score->dtype)
                                     : score + Const(a.masked, score->dtype);
                   return Select(Le(p.axes[3], p.axes[2] + a.causal), score, hidden);
                 }});
}

// [batch, heads, m, k] by [batch, key heads, k, n], of which several heads share one.
absl::StatusOr<ValueId> Product(OpBuilder& b, ValueId left, ValueId right) {
  const Shape x = b.ShapeOf(left), y = b.ShapeOf(right);
  const int64_t groups = x[0] * y[1], rows = x[1] / y[1] * x[2];
  TW_ASSIGN_OR_RETURN(left, Reshape(b, left, {groups, rows, x[3]}));
  TW_ASSIGN_OR_RETURN(right, Reshape(b, right, {groups, y[2], y[3]}));
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyMatrices(b, left, right));
  return Reshape(b, product, {x[0], x[1], x[2], y[3]});
}

// Query by key, scaled. In 16 bits the query is, before the product: products that are not yet
// scaled are beyond float16's range where heads are long.
absl::StatusOr<ValueId> ScaledScores(OpBuilder& b, const AttentionInputs& a) {
  const bool narrow = IsNarrowFloat(b.DTypeOf(a.query));
  TW_ASSIGN_OR_RETURN(const ValueId query, Scale(b, a.query, narrow ? a.scale : 1));
  TW_ASSIGN_OR_RETURN(const ValueId keys, Transpose(b, a.key, {0, 1, 3, 2}));
  TW_ASSIGN_OR_RETURN(const ValueId scores, Product(b, query, keys));
  return Scale(b, scores, narrow ? 1 : a.scale);
}

absl::StatusOr<ValueId> Changed(const OpBuilder& b, const ChangeFn& change, ValueId value) {
  if (change == nullptr) return value;
  TW_ASSIGN_OR_RETURN(const ValueId changed, change(value));
  if (b.TypeOf(changed) == b.TypeOf(value)) return changed;
  return absl::InvalidArgumentError(absl::StrCat("its body makes ", ToString(b.TypeOf(changed)),
                                                 " of ", ToString(b.TypeOf(value))));
}

}  // namespace

absl::StatusOr<AttentionResult> Attend(OpBuilder& b, const AttentionInputs& a) {
  TW_RETURN_IF_ERROR(CheckSizes(b, a).status());
  const DType type = b.DTypeOf(a.query), precision = a.precision.value_or(type);
  AttentionResult r{};
  TW_ASSIGN_OR_RETURN(r.product, ScaledScores(b, a));
  TW_ASSIGN_OR_RETURN(r.capped, Cap(b, r.product, a.softcap));
  TW_ASSIGN_OR_RETURN(r.biased, AddBiases(b, a, r.capped));
  TW_ASSIGN_OR_RETURN(ValueId scores, CastTo(b, r.biased, precision));
  TW_ASSIGN_OR_RETURN(scores, Changed(b, a.change_scores, scores));
  TW_ASSIGN_OR_RETURN(r.probabilities, SoftmaxOver(b, scores, {3}, a.empty_rows));
  TW_ASSIGN_OR_RETURN(const ValueId weights, Changed(b, a.change_probabilities, r.probabilities));
  TW_ASSIGN_OR_RETURN(const ValueId value, CastTo(b, a.value, precision));
  TW_ASSIGN_OR_RETURN(r.output, Product(b, weights, value));
  TW_ASSIGN_OR_RETURN(r.output, CastTo(b, r.output, type));
  return r;
}

absl::StatusOr<ValueId> SplitHeads(OpBuilder& b, ValueId x, int64_t heads) {
  TW_RETURN_IF_ERROR(CheckRank(b, x, 3, 3));
  const Shape shape = b.ShapeOf(x);
  if (heads < 1 || shape[2] % heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(heads, " heads do not divide the ", shape[2], " features"));
  }
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {shape[0], shape[1], heads, shape[2] / heads}));
  return Transpose(b, x, {0, 2, 1, 3});
}

absl::StatusOr<ValueId> JoinHeads(OpBuilder& b, ValueId x) {
  const Shape shape = b.ShapeOf(x);
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {0, 2, 1, 3}));
  return Reshape(b, x, {shape[0], shape[2], shape[1] * shape[3]});
}

absl::StatusOr<ValueId> MaskToBias(OpBuilder& b, ValueId mask, double masked, DType dtype) {
  return Map(b, "attention_mask", {mask}, [=](const Exprs& x) {
    const Expr keep =
        x[0]->dtype == DType::kBool ? x[0] : Binary(BinaryOp::kNe, x[0], Const(0, x[0]->dtype));
    return Select(keep, Const(0, dtype), Const(masked, dtype));
  });
}

}  // namespace tilewright
