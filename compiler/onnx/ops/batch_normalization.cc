// BatchNormalization: at inference an affine map per channel, which graph passes fold into the
// convolution before it; in training by the moments of the batch.
#include "base/status_macros.h"
#include "compiler/onnx/normalize.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::Status Check(OpBuilder& b, const std::vector<ValueId>& inputs) {
  if (b.Int("spatial", 1) == 0) {
    return absl::UnimplementedError("spatial 0 is not supported: export with opset 9 or newer");
  }
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  TW_RETURN_IF_ERROR(CheckSameType(b, inputs));
  const Shape channels = {b.ShapeOf(b.Input(0))[1]};
  for (size_t i = 1; i < 5; ++i) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, inputs[i], channels, "a parameter"));
  }
  return absl::OkStatus();
}

// Inputs: x, scale, bias, mean, variance.
absl::StatusOr<ValueId> Normalized(OpBuilder& b, std::vector<ValueId> inputs) {
  const double epsilon = b.Float("epsilon", 1e-5);
  return b.Emit({.op = "batch_norm",
                 .inputs = std::move(inputs),
                 .type = b.TypeOf(b.Input(0)),
                 .body = [epsilon](const Point& p) {
                   const auto at = [&](size_t i) { return p.Load(i, {p.axes[1]}); };
                   const DType dtype = at(4)->dtype;
                   const Expr variance = at(4) + Const(epsilon, dtype);
                   const Expr scale = Divide(at(1), Call("sqrt", {variance}, dtype));
                   return (p.Here(0) - at(3)) * scale + at(2);
                 }});
}

// What a running moment becomes with that of the batch.
absl::StatusOr<ValueId> RunningMoment(OpBuilder& b, ValueId running, ValueId current) {
  const double momentum = b.Float("momentum", 0.9);
  return Map(b, "batch_norm_running", {running, current}, [momentum](const Exprs& v) {
    return v[0] * Const(momentum, v[0]->dtype) + v[1] * Const(1 - momentum, v[0]->dtype);
  });
}

absl::StatusOr<Outputs> Train(OpBuilder& b, std::vector<ValueId> inputs) {
  std::vector<size_t> axes = AxesFrom(1, b.RankOf(inputs[0]));
  axes[0] = 0;  // all but the channels
  const Shape channels = b.ShapeOf(inputs[3]);
  double count = 1;
  for (size_t axis : axes) count *= static_cast<double>(b.ShapeOf(inputs[0])[axis]);
  const auto average = [count](const Expr& sum) { return Divide(sum, Const(count, sum->dtype)); };
  AxesReduction r{.op = "mean", .inputs = {inputs[0]}, .axes = axes, .result = average};
  TW_ASSIGN_OR_RETURN(const ValueId mean, ReduceAxes(b, r));
  r.op = "variance";
  r.inputs.push_back(mean);
  r.body = [](const Exprs& v) { return (v[0] - v[1]) * (v[0] - v[1]); };
  TW_ASSIGN_OR_RETURN(const ValueId variance, ReduceAxes(b, r));
  const ValueId before[] = {inputs[3], inputs[4]};
  TW_ASSIGN_OR_RETURN(inputs[3], Reshape(b, mean, channels));
  TW_ASSIGN_OR_RETURN(inputs[4], Reshape(b, variance, channels));
  TW_ASSIGN_OR_RETURN(const ValueId running_mean, RunningMoment(b, before[0], inputs[3]));
  TW_ASSIGN_OR_RETURN(const ValueId running_variance, RunningMoment(b, before[1], inputs[4]));
  TW_ASSIGN_OR_RETURN(const ValueId y, Normalized(b, std::move(inputs)));
  return Outputs({y, running_mean, running_variance});
}

absl::StatusOr<Outputs> BatchNormalization(OpBuilder& b) {
  std::vector<ValueId> inputs(b.Inputs().begin(), b.Inputs().begin() + 5);
  TW_RETURN_IF_ERROR(Check(b, inputs));
  if (b.Int("training_mode", 0) != 0) return Train(b, std::move(inputs));
  return Normalized(b, std::move(inputs));
}

}  // namespace

OpList batch_normalization() { return {{"BatchNormalization", 7, 5, BatchNormalization, kFloats}}; }

}  // namespace tilewright::onnx_ops
