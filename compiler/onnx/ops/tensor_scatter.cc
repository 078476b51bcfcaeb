// TensorScatter: a cache with new elements written from an index of each sample on.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::Status CheckUpdate(const OpBuilder& b, size_t axis) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  Shape wanted = b.ShapeOf(b.Input(0));
  const Shape& update = b.ShapeOf(b.Input(1));
  if (update.size() == wanted.size() && update[axis] <= wanted[axis]) wanted[axis] = update[axis];
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(1), wanted, "update"));
  if (!b.HasInput(2)) return absl::OkStatus();
  return CheckShapeIs(b, b.Input(2), {wanted[0]}, "write_indices");
}

absl::StatusOr<Outputs> TensorScatter(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  const TensorType type = b.TypeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -2), type.shape.size()));
  if (axis == 0) return absl::InvalidArgumentError("axis is the dimension of the samples");
  TW_RETURN_IF_ERROR(CheckUpdate(b, axis));
  const std::string mode = b.Str("mode", "linear");
  if (mode != "linear" && mode != "circular") {
    return absl::InvalidArgumentError(absl::StrCat("unknown mode ", mode, " (linear, circular)"));
  }
  const int64_t length = type.shape[axis], written = b.ShapeOf(b.Input(1))[axis];
  std::vector<ValueId> inputs = {b.Input(0), b.Input(1)};
  if (b.HasInput(2)) inputs.push_back(b.Input(2));
  return b.Emit(
      {.op = "tensor_scatter", .inputs = inputs, .type = type, .body = [&](const Point& p) {
         Expr first = Int(0);
         if (inputs.size() > 2) first = SafeIndex(p.Load(2, {p.axes[0]}), length);
         Expr step = p.axes[axis] - first;
         if (mode == "circular") step = FloorMod(step, length);
         Exprs at = p.axes;
         at[axis] = Min(Max(step, Int(0)), Int(written - 1));
         const Expr is_written = And(Le(Int(0), step), Lt(step, Int(written)));
         return Select(is_written, p.Load(1, std::move(at)), p.Load(0, p.axes));
       }});
}

}  // namespace

OpList tensor_scatter() { return {{"TensorScatter", 24, 2, TensorScatter}}; }

}  // namespace tilewright::onnx_ops
