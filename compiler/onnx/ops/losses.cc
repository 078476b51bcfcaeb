// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/softmax.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

struct Loss {
  ValueId log_probabilities;  // [N, C, d...]
  ValueId labels;             // [N, d...], classes
  ValueId weights;            // [C] or kNoValue
  std::optional<int64_t> ignored;
};

absl::Status Check(const OpBuilder& b, const Loss& loss) {
  const Shape& shape = b.ShapeOf(loss.log_probabilities);
  TW_RETURN_IF_ERROR(CheckRank(b, loss.log_probabilities, 2, kMaxRank));
  const DType labels = b.DTypeOf(loss.labels);
  if (labels != DType::kI64 && labels != DType::kI32) {
    return absl::InvalidArgumentError("labels are not int64 or int32");
  }
  Shape expected = shape;
  expected.erase(expected.begin() + 1);
  TW_RETURN_IF_ERROR(CheckShapeIs(b, loss.labels, expected, "labels"));
  if (loss.weights == kNoValue) return absl::OkStatus();
  TW_RETURN_IF_ERROR(CheckSameType(b, {loss.log_probabilities, loss.weights}));
  return CheckShapeIs(b, loss.weights, {shape[1]}, "weights");
}

// The weight of every label's class, 0 where it is to be ignored; kNoValue when all are 1.
absl::StatusOr<ValueId> WeightsOfLabels(OpBuilder& b, const Loss& loss) {
  const DType dtype = b.DTypeOf(loss.log_probabilities);
  const int64_t classes = b.ShapeOf(loss.log_probabilities)[1];
  std::vector<ValueId> inputs = {loss.labels};
  if (loss.weights != kNoValue) inputs.push_back(loss.weights);
  if (inputs.size() == 1 && !loss.ignored) return kNoValue;
  return b.Emit({.op = "loss_weights",
                 .inputs = inputs,
                 .type = {dtype, b.ShapeOf(loss.labels)},
                 .body = [&](const Point& p) {
                   const Expr label = p.Here(0);
                   const Expr weight =
                       inputs.size() > 1 ? p.Load(1, {SafeIndex(label, classes)}) : Const(1, dtype);
                   if (!loss.ignored) return weight;
                   const Expr hit = Eq(Cast(label, DType::kI64), Int(*loss.ignored));
                   return Select(hit, Const(0, weight->dtype), weight);
                 }});
}

// -log probability of every label, times its weight.
absl::StatusOr<ValueId> LossesOf(OpBuilder& b, const Loss& loss, ValueId weights) {
  const TensorType& from = b.TypeOf(loss.log_probabilities);
  std::vector<ValueId> inputs = {loss.log_probabilities, loss.labels};
  if (weights != kNoValue) inputs.push_back(weights);
  return b.Emit({.op = "loss",
                 .inputs = inputs,
                 .type = {from.dtype, b.ShapeOf(loss.labels)},
                 .body = [&, classes = from.shape[1]](const Point& p) {
                   Exprs at = p.axes;
                   at.insert(at.begin() + 1, SafeIndex(p.Here(1), classes));
                   const Expr value = p.Load(0, std::move(at));
                   const Expr negated = Call("neg", {value}, value->dtype);
                   if (inputs.size() < 3) return negated;
                   const Expr zero = Const(0, value->dtype);
                   return Select(Eq(p.Here(2), zero), zero, negated * p.Here(2));
                 }});
}

absl::StatusOr<ValueId> SumOfAll(OpBuilder& b, ValueId x) {
  std::vector<size_t> axes(b.RankOf(x));
  std::iota(axes.begin(), axes.end(), 0);
  return ReduceAxes(b, {.op = "loss_sum", .inputs = {x}, .axes = axes, .keep = false});
}

absl::StatusOr<ValueId> Evaluate(OpBuilder& b, const Loss& loss) {
  TW_RETURN_IF_ERROR(Check(b, loss));
  const std::string reduction = b.Str("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown reduction ", reduction, " (none, sum or mean)"));
  }
  TW_ASSIGN_OR_RETURN(const ValueId weights, WeightsOfLabels(b, loss));
  TW_ASSIGN_OR_RETURN(const ValueId losses, LossesOf(b, loss, weights));
  if (reduction == "none") return losses;
  TW_ASSIGN_OR_RETURN(const ValueId sum, SumOfAll(b, losses));
  if (reduction == "sum") return sum;
  if (weights == kNoValue) {
    const auto count = static_cast<double>(NumElements(b.ShapeOf(losses)));
    return Map(b, "loss_mean", {sum},
               [count](const Exprs& x) { return Divide(x[0], Const(count, x[0]->dtype)); });
  }
  TW_ASSIGN_OR_RETURN(const ValueId total, SumOfAll(b, weights));
  return Map(b, "loss_mean", {sum, total}, [](const Exprs& x) { return Divide(x[0], x[1]); });
}

std::optional<int64_t> Ignored(OpBuilder& b) {
  if (!b.HasAttr("ignore_index")) return std::nullopt;
  return b.Int("ignore_index", 0);
}

ValueId Weights(const OpBuilder& b) { return b.HasInput(2) ? b.Input(2) : kNoValue; }

absl::StatusOr<Outputs> NegativeLogLikelihood(OpBuilder& b) {
  return Evaluate(b, {b.Input(0), b.Input(1), Weights(b), Ignored(b)});
}

absl::StatusOr<Outputs> SoftmaxCrossEntropy(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  TW_ASSIGN_OR_RETURN(const ValueId log_probabilities, LogSoftmaxOver(b, b.Input(0), {1}));
  TW_ASSIGN_OR_RETURN(const ValueId loss,
                      Evaluate(b, {log_probabilities, b.Input(1), Weights(b), Ignored(b)}));
  return Outputs({loss, log_probabilities});
}

}  // namespace

OpList losses() {
  return {{"NegativeLogLikelihoodLoss", 12, 2, NegativeLogLikelihood, kFloats},
          {"SoftmaxCrossEntropyLoss", 12, 2, SoftmaxCrossEntropy, kFloats}};
}

}  // namespace tilewright::onnx_ops
