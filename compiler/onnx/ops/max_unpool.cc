// MaxUnpool: zeros, with each value where a max pool of these attributes took it from.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Of the pool's input, as far as its attributes say; the indices count its elements.
absl::StatusOr<Shape> PooledShape(OpBuilder& b) {
  const Shape x = b.ShapeOf(b.Input(0));
  const size_t spatial = x.size() - 2;
  const Shape kernel = b.Ints("kernel_shape", {});
  const Shape strides = b.Ints("strides", Shape(spatial, 1));
  const Shape pads = b.Ints("pads", Shape(2 * spatial, 0));
  if (kernel.size() != spatial || strides.size() != spatial || pads.size() != 2 * spatial) {
    return absl::InvalidArgumentError("kernel_shape, strides or pads do not fit the input");
  }
  Shape shape = {x[0], x[1]};
  for (size_t d = 0; d < spatial; ++d) {
    constexpr int64_t kMost = 1 << 20;
    const int64_t pad_before = pads[d], pad_after = pads[spatial + d];
    for (const int64_t number : {kernel[d], strides[d], pad_before + 1, pad_after + 1}) {
      if (number >= 1 && number <= kMost) continue;
      return absl::InvalidArgumentError("kernel_shape, strides or pads are out of range");
    }
    shape.push_back((x[2 + d] - 1) * strides[d] + kernel[d] - pad_before - pad_after);
    if (shape.back() < 1) return absl::InvalidArgumentError("the output has no elements");
  }
  TW_RETURN_IF_ERROR(CheckShape(shape));
  return shape;
}

// The third input may ask for more room behind; positions stay what they are.
absl::StatusOr<Shape> OutputShape(OpBuilder& b, const Shape& pooled) {
  if (!b.HasInput(2)) return pooled;
  TW_ASSIGN_OR_RETURN(Shape shape, b.ConstInts(2, "output_shape"));
  TW_RETURN_IF_ERROR(CheckShape(shape));
  bool fits = shape.size() == pooled.size();
  for (size_t d = 0; fits && d < shape.size(); ++d) {
    fits = d < 2 ? shape[d] == pooled[d] : shape[d] >= pooled[d];
  }
  if (fits) return shape;
  return absl::InvalidArgumentError(absl::StrCat("output_shape [", absl::StrJoin(shape, ","),
                                                 "] is not at least the pool's input [",
                                                 absl::StrJoin(pooled, ","), "]"));
}

Exprs Unravel(Expr linear, const Shape& shape) {
  Exprs at(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    at[d] = d == 0 ? linear : FloorMod(linear, shape[d]);
    linear = FloorDiv(linear, shape[d]);
  }
  return at;
}

absl::StatusOr<Outputs> MaxUnpool(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, kMaxRank));
  const TensorType from = b.TypeOf(b.Input(0));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(1), from.shape, "indices"));
  if (b.DTypeOf(b.Input(1)) != DType::kI64) {
    return absl::InvalidArgumentError("indices are not int64");
  }
  TW_ASSIGN_OR_RETURN(const Shape pooled, PooledShape(b));
  TW_ASSIGN_OR_RETURN(const Shape shape, OutputShape(b, pooled));
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    const Stmt clear =
        ForEach("c", shape, [&](const Exprs& at) { return Store(out, at, Const(0, from.dtype)); });
    return Seq({clear, ForEach("u", from.shape, [&](const Exprs& at) {
                  const Expr index = SafeIndex(Load(in[1], at), NumElements(pooled));
                  return Store(out, Unravel(index, pooled), Load(in[0], at));
                })});
  };
  return b.EmitProcedure({.op = "max_unpool",
                          .inputs = {b.Input(0), b.Input(1)},
                          .type = {from.dtype, shape},
                          .body = body});
}

}  // namespace

OpList max_unpool() { return {{"MaxUnpool", 9, 2, MaxUnpool, kNumbers}}; }

}  // namespace tilewright::onnx_ops
