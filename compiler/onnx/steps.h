// Procedures: what is computed in order, where a definition would do the same work over and over
// (scatters, running sums, selections). They are statements of the loop IR over the inputs and the
// output, which they may read back; what they need between is in cells.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// A variable.
class Cell {
 public:
  Cell(std::string name, DType dtype);

  Expr Get() const { return Load(buffer_, {Int(0)}); }
  // As an index of [0, extent), which it is.
  Expr Index(int64_t extent) const { return Min(Max(Get(), Int(0)), Int(extent - 1)); }
  Stmt Set(Expr value) const { return Store(buffer_, {Int(0)}, std::move(value)); }
  const Buffer& buffer() const { return buffer_; }

 private:
  Buffer buffer_;
};

// The body with its cells.
Stmt With(const std::vector<Cell>& cells, Stmt body);

// `body` for every position of `extents` but in dimension `except` (none when it is the rank),
// where the position is null. Iterations are independent and run in parallel where it is worth it.
Stmt ForRows(const Shape& extents, size_t except,
             const std::function<Stmt(std::vector<Expr>)>& body);

// `body` for every position of `extents`, in row-major order; `prefix` names the loops.
Stmt ForEach(const std::string& prefix, const Shape& extents,
             const std::function<Stmt(const std::vector<Expr>&)>& body);

// `body` for i in [0, extent), in order.
Stmt InOrder(const std::string& name, Expr extent, const std::function<Stmt(const Expr&)>& body);

// Of the elements along an axis by value: the largest come first, or the smallest.
struct ElementOrder {
  size_t axis;
  bool largest = true;
};
// Positions of the k first elements, in order; ties go to the lower position and NaN counts as the
// largest. int64, with extent k along the axis. O(n log k). REQUIRES: 1 <= k <= extent.
absl::StatusOr<ValueId> FirstPositions(OpBuilder& b, ValueId x, const ElementOrder& order,
                                       int64_t k);

// Positions along `axis` of the elements above `limit` (one element of x's type), from the largest
// on, ties from the lower position on; then -1. int64, of x's shape. O(n + m log m) for m of them.
absl::StatusOr<ValueId> PositionsAbove(OpBuilder& b, ValueId x, size_t axis, ValueId limit);

}  // namespace tilewright
