// ArgMax and ArgMin: the extreme value first, then the first (or last) position that holds it. As
// in ONNX Runtime a NaN at the first position is extreme, one further on is passed over.
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
      ReduceExtreme(b, {.op = "arg_extreme", .inputs = {x}, .axes = {axis}, .reducer = extreme}));
  const auto nan_at_start = [axis](const Point& p) {
    return Binary(BinaryOp::kAnd, Eq(p.axes[axis], Int(0)), IsNan(p.Here(1)));
  };
  TW_ASSIGN_OR_RETURN(const ValueId positions,
                      b.Emit({.op = "arg_positions",
                              .inputs = {x, best},
                              .type = {DType::kI64, shape},
                              .body = [&](const Point& p) {
                                const Expr holds = Or(Eq(p.Here(0), p.Here(1)), nan_at_start(p));
                                return Select(holds, p.axes[axis],
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

OpList arg_reduce() {
  return {{"ArgMax", 1, 1, ArgMax, kNumbers}, {"ArgMin", 1, 1, ArgMin, kNumbers}};
}

}  // namespace tilewright::onnx_ops
