#include "compiler/onnx/rotary.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// Where in the tables the angle of a pair stands.
Exprs AngleAt(const Rotary& r, const Point& p, const Expr& pair, const Shape& table) {
  const Expr& at = p.axes[r.heads_first ? 2 : 1];
  if (r.positions == kNoValue) return {p.axes[0], at, pair};
  const bool offset = p.in[3]->shape.size() == 1;
  const Expr position = offset ? Cast(p.Load(3, {Int(0)}), DType::kI64) + at
                               : Cast(p.Load(3, {p.axes[0], at}), DType::kI64);
  return {SafeIndex(position, table[0]), pair};
}

absl::Status CheckRotary(const OpBuilder& b, const Rotary& r) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {r.x, r.cosine, r.sine}));
  const Shape x = b.ShapeOf(r.x), table = b.ShapeOf(r.cosine);
  const int64_t length = x[r.heads_first ? 2 : 1], half = r.rotated / 2;
  if (!IsFloat(b.DTypeOf(r.x))) return absl::InvalidArgumentError("input is not a float tensor");
  if (r.rotated < 2 || r.rotated % 2 != 0 || r.rotated > x[3]) {
    return absl::InvalidArgumentError(
        absl::StrCat("rotates ", r.rotated, " of the ", x[3], " features of a head"));
  }
  const Shape expected = r.positions == kNoValue ? Shape{x[0], length, half}
                                                 : Shape{table.empty() ? 0 : table[0], half};
  TW_RETURN_IF_ERROR(CheckShapeIs(b, r.cosine, expected, "cos_cache"));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, r.sine, expected, "sin_cache"));
  if (r.positions == kNoValue) return absl::OkStatus();
  if (!IsInteger(b.DTypeOf(r.positions))) {
    return absl::InvalidArgumentError("position_ids are no integers");
  }
  if (b.ShapeOf(r.positions) == Shape{1}) return absl::OkStatus();
  return CheckShapeIs(b, r.positions, {x[0], length}, "position_ids");
}

}  // namespace

absl::StatusOr<ValueId> Rotate(OpBuilder& b, const Rotary& r, bool interleaved) {
  TW_RETURN_IF_ERROR(CheckRotary(b, r));
  const TensorType type = b.TypeOf(r.x);
  const Shape table = b.ShapeOf(r.cosine);
  const int64_t half = r.rotated / 2;
  std::vector<ValueId> inputs = {r.x, r.cosine, r.sine};
  if (r.positions != kNoValue) inputs.push_back(r.positions);
  return b.Emit(
      {.op = "rotary_embedding", .inputs = inputs, .type = type, .body = [&](const Point& p) {
         const Expr& feature = p.axes[3];
         const auto load = [&](Expr at) {
           Exprs indices = p.axes;
           indices[3] = std::move(at);
           return p.Load(0, std::move(indices));
         };
         const Expr first = interleaved ? Eq(FloorMod(feature, 2), Int(0)) : Lt(feature, Int(half));
         const Expr pair =
             Min(interleaved ? FloorDiv(feature, 2) : FloorMod(feature, half), Int(half - 1));
         const int64_t step = interleaved ? 1 : half;
         const int64_t last = type.shape[3] - 1;
         const Expr other =
             Select(first, load(Min(feature + step, Int(last))), load(Max(feature - step, Int(0))));
         const Exprs at = AngleAt(r, p, pair, table);
         const Expr x = load(feature), c = p.Load(1, at), s = p.Load(2, at);
         const Expr turned = Select(first, x * c - other * s, x * c + other * s);
         return r.rotated == type.shape[3] ? turned
                                           : Select(Lt(feature, Int(r.rotated)), turned, x);
       }});
}

}  // namespace tilewright
