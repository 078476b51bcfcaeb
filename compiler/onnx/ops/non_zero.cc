// NonZero and Compress: outputs whose size depends on data (compiler/onnx/bounds.h).
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/selection.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// The indices of the elements that are not zero, [rank, count].
absl::StatusOr<Outputs> NonZero(OpBuilder& b) {
  Shape shape = b.ShapeOf(b.Input(0));
  if (shape.empty()) shape = {1};
  if (NumElements(shape) == 0)
    return b.Constant(Tensor({DType::kI64, {static_cast<int64_t>(b.RankOf(b.Input(0))), 0}}));
  TW_ASSIGN_OR_RETURN(const Selection s, SelectNonZero(b, b.Input(0)));
  const int64_t count = b.ShapeOf(s.positions)[0];
  return b.Emit({.op = "non_zero",
                 .inputs = {s.positions},
                 .type = {DType::kI64, {static_cast<int64_t>(shape.size()), count}},
                 .body = [&](const Point& p) {
                   Expr rest = p.Load(0, {p.axes[1]}), index;
                   for (size_t d = shape.size(); d-- > 0;) {
                     const Expr at = d == 0 ? rest : FloorMod(rest, shape[d]);
                     index = index == nullptr
                                 ? at
                                 : Select(Eq(p.axes[0], Int(static_cast<int64_t>(d))), at, index);
                     rest = FloorDiv(rest, shape[d]);
                   }
                   return index;
                 }});
}

// The slices along an axis, or without one the elements, for which the condition is true. It may be
// shorter than the axis.
absl::StatusOr<Outputs> Compress(OpBuilder& b) {
  ValueId data = b.Input(0);
  if (!b.HasAttr("axis")) {
    TW_ASSIGN_OR_RETURN(data, Reshape(b, data, {NumElements(b.ShapeOf(data))}));
  }
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), b.RankOf(data)));
  TensorType type = b.TypeOf(data);
  const int64_t extent = type.shape[axis];
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), 1, 1));
  if (b.DTypeOf(b.Input(1)) != DType::kBool) {
    return absl::InvalidArgumentError("the condition is not bool");
  }
  const int64_t given = std::min(b.ShapeOf(b.Input(1))[0], extent);
  type.shape[axis] = 0;
  if (given == 0) return b.Constant(Tensor(type));
  TW_ASSIGN_OR_RETURN(const ValueId condition, RangeOf(b, b.Input(1), {0, 0, given}));
  TW_ASSIGN_OR_RETURN(const Selection s, SelectNonZero(b, condition));
  type.shape[axis] = b.ShapeOf(s.positions)[0];
  return b.Emit(
      {.op = "compress", .inputs = {data, s.positions}, .type = type, .body = [&](const Point& p) {
         Exprs at = p.axes;
         at[axis] = SafeIndex(p.Load(1, {p.axes[axis]}), extent);
         return p.Load(0, std::move(at));
       }});
}

}  // namespace

OpList non_zero() { return {{"NonZero", 9, 1, NonZero}, {"Compress", 9, 2, Compress}}; }

}  // namespace tilewright::onnx_ops
