// ArgMax and ArgMin: the extreme value first, then the first (or last) position that holds it.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> ArgReduce(OpBuilder& b, Reducer extreme) {
  const ValueId x = b.Input(0);
  const Shape shape = b.ShapeOf(x);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), shape.size()));
  const Reducer choice = b.Int("select_last_index", 0) != 0 ? Reducer::kMax : Reducer::kMin;
  TW_ASSIGN_OR_RETURN(
      const ValueId best,
      ReduceAxes(b, {.op = "arg_extreme", .inputs = {x}, .axes = {axis}, .reducer = extreme}));
  TW_ASSIGN_OR_RETURN(const ValueId positions, b.Emit({.op = "arg_positions",
                                                       .inputs = {x, best},
                                                       .type = {DType::kI64, shape},
                                                       .body = [&](const Point& p) {
                                                         return Select(
                                                             Eq(p.Here(0), p.Here(1)), p.axes[axis],
                                                             InitialValue(choice, DType::kI64));
                                                       }}));
  return ReduceAxes(b, {.op = "arg_reduce",
                        .inputs = {positions},
                        .axes = {axis},
                        .keep = b.Int("keepdims", 1) != 0,
                        .reducer = choice});
}

absl::StatusOr<Outputs> ArgMax(OpBuilder& b) { return ArgReduce(b, Reducer::kMax); }
absl::StatusOr<Outputs> ArgMin(OpBuilder& b) { return ArgReduce(b, Reducer::kMin); }

}  // namespace

OpList arg_reduce() { return {{"ArgMax", 1, 1, ArgMax}, {"ArgMin", 1, 1, ArgMin}}; }

}  // namespace tilewright::onnx_ops
