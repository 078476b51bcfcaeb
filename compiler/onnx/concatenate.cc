#include "compiler/onnx/concatenate.h"

#include <algorithm>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// Pieces of one kernel: what stays short to compile.
constexpr size_t kGroup = 16;

// Pieces along `axis`, and where each begins.
struct Pieces {
  size_t axis;
  std::vector<int64_t> starts;

  // The element at `p` when it lies in pieces [begin, end), found by halving.
  Expr Pick(const Point& p, size_t begin, size_t end) const {
    if (end - begin == 1) {
      Exprs at = p.axes;
      at[axis] = at[axis] - starts[begin];
      return p.Load(begin, std::move(at));
    }
    const size_t middle = begin + (end - begin) / 2;
    return Select(Lt(p.axes[axis], Int(starts[middle])), Pick(p, begin, middle),
                  Pick(p, middle, end));
  }
};

absl::StatusOr<ValueId> Join(OpBuilder& b, std::vector<ValueId> pieces, size_t axis) {
  if (pieces.size() == 1) return pieces[0];
  TensorType type = b.TypeOf(pieces[0]);
  Pieces joined{axis, {}};
  type.shape[axis] = 0;
  for (ValueId piece : pieces) {
    joined.starts.push_back(type.shape[axis]);
    type.shape[axis] += b.ShapeOf(piece)[axis];
  }
  const size_t count = pieces.size();
  return b.Emit({.op = "concat",
                 .inputs = std::move(pieces),
                 .type = std::move(type),
                 .body = [&](const Point& p) { return joined.Pick(p, 0, count); }});
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

absl::StatusOr<ValueId> RangeOf(OpBuilder& b, ValueId value, const AxisRange& range) {
  TensorType type = b.TypeOf(value);
  if (range.begin == 0 && range.end == type.shape[range.axis]) return value;
  type.shape[range.axis] = range.end - range.begin;
  return b.Emit({.op = "slice", .inputs = {value}, .type = type, .body = [=](const Point& p) {
                   Exprs at = p.axes;
                   at[range.axis] = at[range.axis] + range.begin;
                   return p.Load(0, std::move(at));
                 }});
}

}  // namespace tilewright
