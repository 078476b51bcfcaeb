#include "compiler/onnx/class_scores.h"

#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/softmax.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

constexpr std::pair<const char*, PostTransform> kTransforms[] = {
    {"NONE", PostTransform::kNone},
    {"SOFTMAX", PostTransform::kSoftmax},
    {"LOGISTIC", PostTransform::kLogistic},
    {"SOFTMAX_ZERO", PostTransform::kSoftmaxZero},
    {"PROBIT", PostTransform::kProbit}};

// sqrt(2) * erfinv(2p - 1), the inverse of erf being Winitzki's approximation (A handy
// approximation for the error function and its inverse, 2008) with his constant.
Expr Probit(const Expr& p) {
  using formulas::Lit;
  constexpr double kA = 0.147;
  const Expr x = p * Lit(p, 2) - Lit(p, 1);
  const Expr log = formulas::Log((Lit(p, 1) - x) * (Lit(p, 1) + x));
  const Expr v = Lit(p, 2 / (M_PI * kA)) + log * Lit(p, 0.5);
  const Expr size = formulas::Sqrt(formulas::Sqrt(v * v - log * Lit(p, 1 / kA)) - v);
  const Expr signed_size = Select(Lt(x, Lit(p, 0)), formulas::Neg(size), size);
  return signed_size * Lit(p, std::sqrt(2));
}

// A softmax in which scores of zero have no part.
absl::StatusOr<ValueId> SoftmaxZero(OpBuilder& b, ValueId scores) {
  constexpr double kZero = 1e-7;
  TW_ASSIGN_OR_RETURN(
      const ValueId maximum,
      ReduceAxes(b,
                 {.op = "softmax_max", .inputs = {scores}, .axes = {1}, .reducer = Reducer::kMax}));
  TW_ASSIGN_OR_RETURN(const ValueId exps,
                      Map(b, "softmax_exp", {scores, maximum}, [](const Exprs& v) {
                        const Expr counts = Lt(formulas::Lit(v[0], kZero), formulas::Abs(v[0]));
                        return Select(counts, formulas::Exp(v[0] - v[1]),
                                      v[0] * formulas::Exp(formulas::Neg(v[1])));
                      }));
  TW_ASSIGN_OR_RETURN(const ValueId sum,
                      ReduceAxes(b, {.op = "softmax_sum", .inputs = {exps}, .axes = {1}}));
  return Map(b, "softmax", {exps, sum}, [](const Exprs& v) {
    const Expr zero = formulas::Lit(v[1], 0), half = formulas::Lit(v[1], 0.5);
    return Select(Eq(v[1], zero), half, Divide(v[0], v[1]));
  });
}

}  // namespace

absl::StatusOr<PostTransform> ReadPostTransform(OpBuilder& b) {
  const std::string name = b.Str("post_transform", "NONE");
  std::string known;
  for (const auto& [each, transform] : kTransforms) {
    if (name == each) return transform;
    absl::StrAppend(&known, known.empty() ? "" : ", ", each);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown post_transform \"", name, "\" (have ", known, ")"));
}

absl::StatusOr<ValueId> TransformScores(OpBuilder& b, ValueId scores, PostTransform transform) {
  switch (transform) {
    case PostTransform::kNone: return scores;
    case PostTransform::kSoftmax: return SoftmaxOver(b, scores, {1});
    case PostTransform::kSoftmaxZero: return SoftmaxZero(b, scores);
    case PostTransform::kLogistic:
      return Map(b, "logistic", {scores}, [](const Exprs& v) { return formulas::Sigmoid(v[0]); });
    case PostTransform::kProbit: break;
  }
  return Map(b, "probit", {scores}, [](const Exprs& v) { return Probit(v[0]); });
}

absl::StatusOr<ValueId> FeatureRows(OpBuilder& b, bool keeps_double) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 1, 2));
  const bool is_double = b.DTypeOf(b.Input(0)) == DType::kF64;
  TW_ASSIGN_OR_RETURN(const ValueId x,
                      CastTo(b, b.Input(0), is_double && keeps_double ? DType::kF64 : DType::kF32));
  if (b.RankOf(x) == 2) return x;
  return Reshape(b, x, {1, b.ShapeOf(x)[0]});
}

ValueId ConstantRow(OpBuilder& b, const std::vector<float>& values, DType dtype) {
  Tensor row({dtype, {static_cast<int64_t>(values.size())}});
  for (size_t i = 0; i < values.size(); ++i) row.Set(static_cast<int64_t>(i), values[i]);
  return b.Constant(std::move(row));
}

absl::StatusOr<ValueId> BothScores(OpBuilder& b, ValueId second, FirstScore first) {
  return b.Emit({.op = "both_scores",
                 .inputs = {second},
                 .type = {b.DTypeOf(second), {b.ShapeOf(second)[0], 2}},
                 .body = [&](const Point& p) {
                   const Expr s = p.Load(0, {p.axes[0], Int(0)});
                   const Expr other =
                       first == FirstScore::kNegative ? formulas::Neg(s) : formulas::Lit(s, 1) - s;
                   return Select(Eq(p.axes[1], Int(0)), other, s);
                 }});
}

absl::StatusOr<ClassLabels> ReadLabels(OpBuilder& b, std::string_view ints) {
  ClassLabels labels{.ints = b.Ints(ints, {}), .strings = b.Strings("classlabels_strings")};
  if (labels.ints.empty() == labels.strings.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("needs labels, either in ", Sv(ints), " or in classlabels_strings"));
  }
  labels.count = static_cast<int64_t>(labels.ints.size() + labels.strings.size());
  if (labels.count > 1) return labels;
  return absl::UnimplementedError("has one class, which leaves nothing to decide");
}

absl::StatusOr<ValueId> LabelsAt(OpBuilder& b, const ClassLabels& labels, ValueId positions) {
  if (labels.ints.empty()) {
    b.SetClasses(positions, labels.strings);
    return positions;
  }
  const ValueId table = b.Constant(Tensor({DType::kI64, {labels.count}}, labels.ints));
  return b.Emit({.op = "label",
                 .inputs = {table, positions},
                 .type = {DType::kI64, b.ShapeOf(positions)},
                 .body = [&](const Point& p) {
                   return p.Load(0, {SafeIndex(p.Load(1, p.axes), labels.count)});
                 }});
}

absl::StatusOr<Outputs> Classify(OpBuilder& b, const ClassLabels& labels, ValueId scores,
                                 PostTransform transform) {
  TW_ASSIGN_OR_RETURN(const ValueId best, PositionOfExtreme(b, scores, {.axis = 1, .keep = false}));
  TW_ASSIGN_OR_RETURN(const ValueId label, LabelsAt(b, labels, best));
  TW_ASSIGN_OR_RETURN(const ValueId transformed, TransformScores(b, scores, transform));
  return Outputs({label, transformed});
}

}  // namespace tilewright
