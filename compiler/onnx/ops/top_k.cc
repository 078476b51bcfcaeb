// TopK by counting: the rank of an element is the number of elements before it in the order.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

Exprs At(Exprs axes, size_t axis, Expr index) {
  axes[axis] = std::move(index);
  return axes;
}

// Ties go to the lower index.
absl::StatusOr<ValueId> Ranks(OpBuilder& b, size_t axis, bool largest) {
  const TensorType type{DType::kI64, b.ShapeOf(b.Input(0))};
  return b.Emit({.op = "top_k_ranks",
                 .inputs = {b.Input(0)},
                 .type = type,
                 .body = [](const Point&) { return Int(1); },
                 .reducer = Reducer::kSum,
                 .reduce = {type.shape[axis]},
                 .predicate =
                     [=](const Point& p) {
                       const Expr here = p.Here(0);
                       const Expr other = p.Load(0, At(p.axes, axis, p.reduce[0]));
                       const Expr earlier = Lt(p.reduce[0], p.axes[axis]);
                       return Or(largest ? Lt(here, other) : Lt(other, here),
                                 And(Eq(here, other), earlier));
                     }});
}

// The position whose rank is the output's place.
absl::StatusOr<ValueId> Positions(OpBuilder& b, size_t axis, int64_t k, ValueId ranks) {
  TensorType type{DType::kI64, b.ShapeOf(b.Input(0))};
  const int64_t extent = std::exchange(type.shape[axis], k);
  return b.Emit({.op = "top_k_indices",
                 .inputs = {ranks},
                 .type = type,
                 .body = [](const Point& p) { return p.reduce[0]; },
                 .reducer = Reducer::kSum,
                 .reduce = {extent},
                 .predicate =
                     [axis](const Point& p) {
                       return Eq(p.Load(0, At(p.axes, axis, p.reduce[0])), p.axes[axis]);
                     }});
}

absl::StatusOr<Outputs> TopK(OpBuilder& b) {
  std::vector<int64_t> k = {b.Int("k", 0)};
  if (b.opset() >= 10) {
    TW_ASSIGN_OR_RETURN(k, b.ConstInts(1, "k"));
  }
  const Shape shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), shape.size()));
  if (k.size() != 1 || k[0] < 1 || k[0] > shape[axis]) {
    return absl::InvalidArgumentError(absl::StrCat("k does not fit the extent ", shape[axis]));
  }
  TW_ASSIGN_OR_RETURN(const ValueId ranks, Ranks(b, axis, b.Int("largest", 1) != 0));
  TW_ASSIGN_OR_RETURN(const ValueId positions, Positions(b, axis, k[0], ranks));
  const TensorType type{b.DTypeOf(b.Input(0)), b.ShapeOf(positions)};
  TW_ASSIGN_OR_RETURN(const ValueId values, b.Emit({.op = "top_k",
                                                    .inputs = {b.Input(0), positions},
                                                    .type = type,
                                                    .body = [&](const Point& p) {
                                                      const Expr index =
                                                          SafeIndex(p.Here(1), shape[axis]);
                                                      return p.Load(0, At(p.axes, axis, index));
                                                    }}));
  return Outputs({values, positions});
}

}  // namespace

OpList top_k() { return {{"TopK", 1, 1, TopK}, {"TopK", 10, 2, TopK}}; }

}  // namespace tilewright::onnx_ops
