// RotaryEmbedding (Su et al., "RoFormer", 2021), of ONNX (opset 23) and of ONNX Runtime: pairs of
// features are rotated by an angle that grows with the position.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

struct Rotary {
  ValueId x;             // [batch, length, heads, size], or with `heads_first` [batch, heads, ...]
  ValueId cosine, sine;  // [positions, half], or without position ids [batch, length, half]
  ValueId positions;     // [batch, length], or [1] for the first one; or kNoValue
  int64_t rotated;       // features of a head that take part
  bool heads_first;
};

// Where in the tables the angle of a pair stands.
Exprs AngleAt(const Rotary& r, const Point& p, const Expr& pair, const Shape& table) {
  const Expr& at = p.axes[r.heads_first ? 2 : 1];
  if (r.positions == kNoValue) return {p.axes[0], at, pair};
  const bool offset = p.in[3]->shape.size() == 1;
  const Expr position = offset ? Cast(p.Load(3, {Int(0)}), DType::kI64) + at
                               : Cast(p.Load(3, {p.axes[0], at}), DType::kI64);
  return {SafeIndex(position, table[0]), pair};
}

absl::StatusOr<ValueId> Rotate(OpBuilder& b, const Rotary& r, bool interleaved) {
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

absl::Status Check(const OpBuilder& b, const Rotary& r) {
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

struct Inputs {
  size_t cosine, sine, positions;
};

absl::StatusOr<Outputs> Convert(OpBuilder& b, const Inputs& in) {
  Rotary r{.x = b.Input(0),
           .cosine = b.Input(in.cosine),
           .sine = b.Input(in.sine),
           .positions = b.HasInput(in.positions) ? b.Input(in.positions) : kNoValue};
  TW_RETURN_IF_ERROR(CheckRank(b, r.x, 3, 4));
  TW_RETURN_IF_ERROR(CheckRank(b, r.cosine, 2, 3));
  r.heads_first = b.RankOf(r.x) == 4;
  const Shape shape = b.ShapeOf(r.x);
  r.rotated = b.Int("rotary_embedding_dim", 0);
  if (!r.heads_first) {
    int64_t heads = b.Int("num_heads", 0);
    const int64_t size = 2 * b.ShapeOf(r.cosine).back();
    if (heads == 0 && r.rotated == 0 && size > 0) heads = shape[2] / size;
    if (heads < 1 || shape[2] % heads != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("num_heads ", heads, " does not divide the ", shape[2], " features"));
    }
    TW_ASSIGN_OR_RETURN(r.x, Reshape(b, r.x, {shape[0], shape[1], heads, shape[2] / heads}));
  }
  if (r.rotated == 0) r.rotated = b.ShapeOf(r.x)[3];
  TW_RETURN_IF_ERROR(Check(b, r));
  TW_ASSIGN_OR_RETURN(const ValueId y, Rotate(b, r, b.Int("interleaved", 0) != 0));
  return Reshape(b, y, shape);
}

absl::StatusOr<Outputs> RotaryEmbedding(OpBuilder& b) { return Convert(b, {1, 2, 3}); }

absl::StatusOr<Outputs> RuntimeRotaryEmbedding(OpBuilder& b) {
  if (b.Float("scale", 1) != 1) return absl::UnimplementedError("a scale is not supported");
  return Convert(b, {2, 3, 1});
}

}  // namespace

OpList rotary_embedding() {
  return {{"RotaryEmbedding", 23, 3, RotaryEmbedding},
          {"com.microsoft.RotaryEmbedding", 1, 4, RuntimeRotaryEmbedding}};
}

}  // namespace tilewright::onnx_ops
