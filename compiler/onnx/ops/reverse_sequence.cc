// ReverseSequence: the first elements of every batch entry reversed, as many as its length says.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> ReverseSequence(OpBuilder& b) {
  const TensorType type = b.TypeOf(b.Input(0));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  TW_ASSIGN_OR_RETURN(const size_t time, NormalizeAxis(b.Int("time_axis", 0), type.shape.size()));
  TW_ASSIGN_OR_RETURN(const size_t batch, NormalizeAxis(b.Int("batch_axis", 1), type.shape.size()));
  if (time == batch) return absl::InvalidArgumentError("time_axis and batch_axis are one");
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(1), {type.shape[batch]}, "sequence_lens"));
  if (!IsInteger(b.DTypeOf(b.Input(1)))) {
    return absl::InvalidArgumentError("sequence_lens are no integers");
  }
  return b.Emit({.op = "reverse_sequence",
                 .inputs = {b.Input(0), b.Input(1)},
                 .type = type,
                 .body = [&](const Point& p) {
                   const Expr length = Cast(p.Load(1, {p.axes[batch]}), DType::kI64);
                   Exprs at = p.axes;
                   at[time] =
                       SafeIndex(Select(Lt(at[time], length), length - 1 + at[time] * -1, at[time]),
                                 type.shape[time]);
                   return p.Load(0, std::move(at));
                 }});
}

}  // namespace

OpList reverse_sequence() { return {{"ReverseSequence", 10, 2, ReverseSequence}}; }

}  // namespace tilewright::onnx_ops
