// CumSum: every element sums those before it.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> CumSum(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> listed, b.ConstInts(1, "axis"));
  if (listed.size() != 1) return absl::InvalidArgumentError("axis must be a scalar");
  const Shape& shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(listed[0], shape.size()));
  const bool exclusive = b.Int("exclusive", 0) != 0, reverse = b.Int("reverse", 0) != 0;
  return b.Emit({.op = "cumsum",
                 .inputs = {b.Input(0)},
                 .type = b.TypeOf(b.Input(0)),
                 .body =
                     [axis](const Point& p) {
                       Exprs at = p.axes;
                       at[axis] = p.reduce[0];
                       return p.Load(0, std::move(at));
                     },
                 .reducer = Reducer::kSum,
                 .reduce = {shape[axis]},
                 .predicate =
                     [=](const Point& p) {
                       const Expr& here = p.axes[axis];
                       const Expr& other = p.reduce[0];
                       if (exclusive) return reverse ? Lt(here, other) : Lt(other, here);
                       return reverse ? Le(here, other) : Le(other, here);
                     }});
}

}  // namespace

OpList cumsum() { return {{"CumSum", 11, 2, CumSum}}; }

}  // namespace tilewright::onnx_ops
