#include "compiler/onnx/multiply_matrices.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// [B,M,K] x [B,K,N] -> [B,M,N].
absl::StatusOr<ValueId> Batched(OpBuilder& b, ValueId x, ValueId y) {
  if (IsTunable(b.DTypeOf(x))) {
    return b.EmitWorkload({x, y}, {.op = "batch_matmul", .inputs = {b.TypeOf(x), b.TypeOf(y)}});
  }
  const Shape& left = b.ShapeOf(x);
  return b.Emit({.op = "batch_matmul",
                 .inputs = {x, y},
                 .type = {b.DTypeOf(x), {left[0], left[1], b.ShapeOf(y)[2]}},
                 .body =
                     [](const Point& p) {
                       return p.Load(0, {p.axes[0], p.axes[1], p.reduce[0]}) *
                              p.Load(1, {p.axes[0], p.reduce[0], p.axes[2]});
                     },
                 .reducer = Reducer::kSum,
                 .reduce = {left[2]}});
}

// All dimensions but the last `keep`, multiplied.
int64_t Leading(const Shape& shape, size_t keep) {
  return NumElements(Shape(shape.begin(), shape.end() - static_cast<int64_t>(keep)));
}

// a [..., M, K] by one matrix b [..1.., K, N].
absl::StatusOr<ValueId> ByOneMatrix(OpBuilder& b, ValueId x, ValueId y) {
  const Shape left = b.ShapeOf(x);
  const int64_t k = left.back(), n = b.ShapeOf(y).back(), m = Leading(left, 1);
  if (b.DependsOnInputs(y)) {
    TW_ASSIGN_OR_RETURN(const ValueId a3, Reshape(b, x, {1, m, k}));
    TW_ASSIGN_OR_RETURN(const ValueId b3, Reshape(b, y, {1, k, n}));
    return Batched(b, a3, b3);
  }
  TW_ASSIGN_OR_RETURN(const ValueId matrix, Reshape(b, y, {k, n}));
  TW_ASSIGN_OR_RETURN(const ValueId weight, Transpose(b, matrix, {1, 0}));
  TW_ASSIGN_OR_RETURN(const ValueId rows, Reshape(b, x, {m, k}));
  return MultiplyByTransposed(b, rows, weight);
}

absl::StatusOr<ValueId> ByBatch(OpBuilder& b, ValueId x, ValueId y, const Shape& batch) {
  const Shape left = b.ShapeOf(x), right = b.ShapeOf(y);
  const auto flatten = [&](ValueId value, const Shape& shape) -> absl::StatusOr<ValueId> {
    Shape full = batch;
    full.insert(full.end(), shape.end() - 2, shape.end());
    TW_RETURN_IF_ERROR(CheckShape(full));
    TW_ASSIGN_OR_RETURN(const ValueId expanded, ExpandTo(b, value, full));
    return Reshape(b, expanded, {NumElements(batch), shape.end()[-2], shape.back()});
  };
  TW_ASSIGN_OR_RETURN(const ValueId a3, flatten(x, left));
  TW_ASSIGN_OR_RETURN(const ValueId b3, flatten(y, right));
  return Batched(b, a3, b3);
}

// What sums of no products are.
absl::StatusOr<ValueId> Zeros(OpBuilder& b, const TensorType& type) {
  return b.Emit(
      {.op = "zeros", .type = type, .body = [&](const Point&) { return Const(0, type.dtype); }});
}

}  // namespace

absl::Status DoNotMultiply(const Shape& a, const Shape& b) {
  return absl::InvalidArgumentError(absl::StrCat("matrices [", absl::StrJoin(a, ","), "] and [",
                                                 absl::StrJoin(b, ","), "] do not multiply"));
}

absl::StatusOr<ValueId> MultiplyByTransposed(OpBuilder& b, ValueId data, ValueId weight) {
  const Shape rows = b.ShapeOf(data), columns = b.ShapeOf(weight);
  if (NumElements(rows) == 0 || NumElements(columns) == 0) {
    return Zeros(b, {b.DTypeOf(data), {rows[0], columns[0]}});
  }
  if (IsTunable(b.DTypeOf(data))) {
    return b.EmitWorkload({data, weight}, {.op = "dense",
                                           .inputs = {b.TypeOf(data), b.TypeOf(weight)},
                                           .data_layout = "",
                                           .weight_layout = "NK",
                                           .out_layout = ""});
  }
  return b.Emit({.op = "dense",
                 .inputs = {data, weight},
                 .type = {b.DTypeOf(data), {rows[0], columns[0]}},
                 .body =
                     [](const Point& p) {
                       return p.Load(0, {p.axes[0], p.reduce[0]}) *
                              p.Load(1, {p.axes[1], p.reduce[0]});
                     },
                 .reducer = Reducer::kSum,
                 .reduce = {rows[1]}});
}

absl::StatusOr<ValueId> MultiplyMatrices(OpBuilder& b, ValueId x, ValueId y) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {x, y}));
  TW_RETURN_IF_ERROR(CheckRank(b, x, 1, kMaxRank));
  TW_RETURN_IF_ERROR(CheckRank(b, y, 1, kMaxRank));
  const bool row = b.RankOf(x) == 1, column = b.RankOf(y) == 1;
  if (row) {
    TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {1, b.ShapeOf(x)[0]}));
  }
  if (column) {
    TW_ASSIGN_OR_RETURN(y, Reshape(b, y, {b.ShapeOf(y)[0], 1}));
  }
  const Shape left = b.ShapeOf(x), right = b.ShapeOf(y);
  if (left.back() != right.end()[-2]) return DoNotMultiply(left, right);
  TW_ASSIGN_OR_RETURN(Shape out, BroadcastShapes({Shape(left.begin(), left.end() - 2),
                                                  Shape(right.begin(), right.end() - 2)}));
  const Shape batch = out;
  if (!row) out.push_back(left.end()[-2]);
  if (!column) out.push_back(right.back());
  if (NumElements(left) == 0 || NumElements(right) == 0) return Zeros(b, {b.DTypeOf(x), out});
  const bool one_matrix = Leading(right, 2) == 1;
  TW_ASSIGN_OR_RETURN(const ValueId product,
                      one_matrix ? ByOneMatrix(b, x, y) : ByBatch(b, x, y, batch));
  return Reshape(b, product, std::move(out));
}

}  // namespace tilewright
