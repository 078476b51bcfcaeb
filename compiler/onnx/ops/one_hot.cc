// OneHot: compares the index of a new dimension with the data.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> OneHot(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Tensor depth_value, b.ConstInput(1, "depth"));
  if (depth_value.size() != 1) return absl::InvalidArgumentError("depth must be a scalar");
  const int64_t depth = depth_value.AsInt(0);
  if (depth < 1) return absl::InvalidArgumentError(absl::StrCat("depth is ", depth));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {2}, "values"));
  Shape shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), shape.size() + 1));
  shape.insert(shape.begin() + static_cast<int64_t>(axis), depth);
  return b.Emit({.op = "one_hot",
                 .inputs = {b.Input(0), b.Input(2)},
                 .type = {b.DTypeOf(b.Input(2)), std::move(shape)},
                 .body = [&](const Point& p) {
                   Exprs at = p.axes;
                   at.erase(at.begin() + static_cast<int64_t>(axis));
                   const Expr index = Cast(p.Load(0, std::move(at)), DType::kI64);
                   const Expr& here = p.axes[axis];
                   // Negative indices count from the end; others outside match nothing.
                   const Expr hit = Or(Eq(index, here), Eq(index + depth, here));
                   return Select(hit, p.Load(1, {Int(1)}), p.Load(1, {Int(0)}));
                 }});
}

}  // namespace

OpList one_hot() { return {{"OneHot", 9, 3, OneHot, kEveryType, false, 2}}; }

}  // namespace tilewright::onnx_ops
