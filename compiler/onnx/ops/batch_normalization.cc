// BatchNormalization at inference: an affine map per channel, which graph passes fold into the
// convolution before it.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> BatchNormalization(OpBuilder& b) {
  if (b.Int("training_mode", 0) != 0 || b.Int("spatial", 1) == 0) {
    return absl::UnimplementedError("only inference over channels is supported");
  }
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  const Shape channels = {b.ShapeOf(b.Input(0))[1]};
  const std::vector<ValueId> inputs(b.Inputs().begin(), b.Inputs().begin() + 5);
  TW_RETURN_IF_ERROR(CheckSameType(b, inputs));
  for (size_t i = 1; i < 5; ++i) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, inputs[i], channels, "a parameter"));
  }
  const double epsilon = b.Float("epsilon", 1e-5);
  return b.Emit({.op = "batch_norm",
                 .inputs = inputs,
                 .type = b.TypeOf(b.Input(0)),
                 .body = [epsilon](const Point& p) {
                   const auto at = [&](size_t i) { return p.Load(i, {p.axes[1]}); };
                   const DType dtype = at(4)->dtype;
                   const Expr variance = at(4) + Const(epsilon, dtype);
                   const Expr scale = Divide(at(1), Call("sqrt", {variance}, dtype));
                   return (p.Here(0) - at(3)) * scale + at(2);
                 }});
}

}  // namespace

OpList batch_normalization() { return {{"BatchNormalization", 7, 5, BatchNormalization}}; }

}  // namespace tilewright::onnx_ops
