// Softmax, LogSoftmax and Hardmax: over one axis from opset 13 on, before over all axes from
// `axis` on.
#include "compiler/onnx/softmax.h"

#include <numeric>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<std::vector<size_t>> SoftmaxAxes(OpBuilder& b) {
  const size_t rank = b.RankOf(b.Input(0));
  const bool one_axis = b.opset() >= 13;
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", one_axis ? -1 : 1), rank));
  if (one_axis) return std::vector<size_t>{axis};
  std::vector<size_t> axes(rank - axis);
  std::iota(axes.begin(), axes.end(), axis);
  return axes;
}

absl::StatusOr<Outputs> Softmax(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> axes, SoftmaxAxes(b));
  return SoftmaxOver(b, b.Input(0), axes);
}

absl::StatusOr<Outputs> LogSoftmax(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> axes, SoftmaxAxes(b));
  return LogSoftmaxOver(b, b.Input(0), axes);
}

// One where the first maximum is, else zero (everywhere, when the maximum is NaN). Several axes
// count as one, flattened.
absl::StatusOr<Outputs> Hardmax(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> axes, SoftmaxAxes(b));
  TW_ASSIGN_OR_RETURN(const ValueId maximum, ReduceExtreme(b, {.op = "hardmax_max",
                                                               .inputs = {b.Input(0)},
                                                               .axes = axes,
                                                               .reducer = Reducer::kMax}));
  const Shape shape = b.ShapeOf(b.Input(0));
  const auto flat = [axes, shape](const Exprs& at) {
    Expr index = Int(0);
    for (size_t axis : axes) index = index * shape[axis] + at[axis];
    return index;
  };
  // The position within the axes as a tensor of its own, so that the reduction can find the first.
  TW_ASSIGN_OR_RETURN(const ValueId position,
                      b.Emit({.op = "hardmax_position",
                              .inputs = {b.Input(0), maximum},
                              .type = {DType::kI64, shape},
                              .body = [&](const Point& p) {
                                return Select(Eq(p.Here(0), p.Here(1)), flat(p.axes),
                                              InitialValue(Reducer::kMin, DType::kI64));
                              }}));
  TW_ASSIGN_OR_RETURN(const ValueId first, ReduceAxes(b, {.op = "hardmax_first",
                                                          .inputs = {position},
                                                          .axes = axes,
                                                          .reducer = Reducer::kMin}));
  const DType dtype = b.DTypeOf(b.Input(0));
  return Map(b, "hardmax", {position, first}, [dtype](const Exprs& x) {
    const Expr found = Lt(x[1], InitialValue(Reducer::kMin, DType::kI64));
    return Select(And(Eq(x[0], x[1]), found), Const(1, dtype), Const(0, dtype));
  });
}

}  // namespace

OpList softmax() {
  return {{"Softmax", 1, 1, Softmax, kFloats},
          {"LogSoftmax", 1, 1, LogSoftmax, kFloats},
          {"Hardmax", 1, 1, Hardmax, kFloats}};
}

}  // namespace tilewright::onnx_ops
