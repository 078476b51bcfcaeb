// Concat: each output position picks the input that covers it, by halving.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// The element at `p` when it lies in pieces [begin, end); starts[i] is where piece i begins.
Expr Pick(const Point& p, size_t axis, const std::vector<int64_t>& starts, size_t begin,
          size_t end) {
  if (end - begin == 1) {
    Exprs at = p.axes;
    at[axis] = at[axis] - starts[begin];
    return p.Load(begin, std::move(at));
  }
  const size_t middle = begin + (end - begin) / 2;
  return Select(Lt(p.axes[axis], Int(starts[middle])), Pick(p, axis, starts, begin, middle),
                Pick(p, axis, starts, middle, end));
}

absl::StatusOr<Outputs> Concat(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, b.Inputs()));
  Shape shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 1), shape.size()));
  shape[axis] = 0;
  std::vector<ValueId> pieces;
  std::vector<int64_t> starts;
  for (ValueId input : b.Inputs()) {
    Shape expected = b.ShapeOf(b.Input(0));
    if (b.RankOf(input) == shape.size()) expected[axis] = b.ShapeOf(input)[axis];
    TW_RETURN_IF_ERROR(CheckShapeIs(b, input, expected, "an input"));
    if (expected[axis] == 0) continue;
    pieces.push_back(input);
    starts.push_back(shape[axis]);
    shape[axis] += expected[axis];
  }
  if (pieces.size() == 1) return pieces[0];
  return b.Emit({.op = "concat",
                 .inputs = pieces,
                 .type = {b.DTypeOf(b.Input(0)), std::move(shape)},
                 .body = [&](const Point& p) { return Pick(p, axis, starts, 0, pieces.size()); }});
}

}  // namespace

OpList concat() { return {{"Concat", 4, kAllInputs, Concat}}; }

}  // namespace tilewright::onnx_ops
