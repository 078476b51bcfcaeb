#include "compiler/onnx/concatenate.h"

#include <algorithm>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// Pieces of one kernel: what stays short to compile.
constexpr size_t kGroup = 16;

// The element at `p` when it lies in pieces [begin, end), found by halving; starts[i] is where
// piece i begins.
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

absl::StatusOr<ValueId> Join(OpBuilder& b, std::vector<ValueId> pieces, size_t axis) {
  if (pieces.size() == 1) return pieces[0];
  TensorType type = b.TypeOf(pieces[0]);
  std::vector<int64_t> starts;
  type.shape[axis] = 0;
  for (ValueId piece : pieces) {
    starts.push_back(type.shape[axis]);
    type.shape[axis] += b.ShapeOf(piece)[axis];
  }
  const size_t count = pieces.size();
  return b.Emit({.op = "concat",
                 .inputs = std::move(pieces),
                 .type = std::move(type),
                 .body = [&](const Point& p) { return Pick(p, axis, starts, 0, count); }});
}

}  // namespace

absl::StatusOr<ValueId> Concatenate(OpBuilder& b, const std::vector<ValueId>& pieces, size_t axis) {
  TW_RETURN_IF_ERROR(CheckSameType(b, pieces));
  std::vector<ValueId> level;
  for (ValueId piece : pieces) {
    Shape expected = b.ShapeOf(pieces[0]);
    if (b.RankOf(piece) == expected.size()) expected[axis] = b.ShapeOf(piece)[axis];
    TW_RETURN_IF_ERROR(CheckShapeIs(b, piece, expected, "an input"));
    if (expected[axis] > 0) level.push_back(piece);
  }
  if (level.empty()) return pieces[0];
  while (level.size() > 1) {
    std::vector<ValueId> next;
    for (size_t i = 0; i < level.size(); i += kGroup) {
      const auto begin = level.begin() + static_cast<std::ptrdiff_t>(i);
      const auto count = static_cast<std::ptrdiff_t>(std::min(kGroup, level.size() - i));
      TW_ASSIGN_OR_RETURN(const ValueId joined, Join(b, {begin, begin + count}, axis));
      next.push_back(joined);
    }
    level = std::move(next);
  }
  return level[0];
}

absl::StatusOr<ValueId> Stack(OpBuilder& b, std::vector<ValueId> values, size_t axis) {
  for (ValueId& value : values) {
    Shape shape = b.ShapeOf(value);
    if (axis > shape.size()) return absl::InvalidArgumentError("an output axis is out of range");
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    TW_ASSIGN_OR_RETURN(value, Reshape(b, value, std::move(shape)));
  }
  return Concatenate(b, values, axis);
}

absl::StatusOr<ValueId> ElementAt(OpBuilder& b, ValueId value, size_t axis, int64_t index) {
  TensorType type = b.TypeOf(value);
  type.shape.erase(type.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return b.Emit({.op = "slice", .inputs = {value}, .type = type, .body = [=](const Point& p) {
                   Exprs at = p.axes;
                   at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), Int(index));
                   return p.Load(0, std::move(at));
                 }});
}

absl::StatusOr<ValueId> RangeOf(OpBuilder& b, ValueId value, size_t axis, int64_t begin,
                                int64_t end) {
  TensorType type = b.TypeOf(value);
  if (begin == 0 && end == type.shape[axis]) return value;
  type.shape[axis] = end - begin;
  return b.Emit({.op = "slice", .inputs = {value}, .type = type, .body = [=](const Point& p) {
                   Exprs at = p.axes;
                   at[axis] = at[axis] + begin;
                   return p.Load(0, std::move(at));
                 }});
}

}  // namespace tilewright
