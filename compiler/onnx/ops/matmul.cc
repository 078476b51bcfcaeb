// MatMul, Gemm, MatMulInteger and QLinearMatMul.
#include <cmath>

#include "base/status_macros.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/quantized.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> MatMul(OpBuilder& b) { return MultiplyMatrices(b, b.Input(0), b.Input(1)); }

// A zero point by rows or columns: the axis of the matrix it lies along.
size_t AxisFromEnd(const OpBuilder& b, ValueId value, size_t from_end) {
  return b.RankOf(value) < from_end ? 0 : b.RankOf(value) - from_end;
}

// Zero points are scalars, or vectors over the rows of the left and the columns of the right.
absl::StatusOr<ValueId> CenteredProduct(OpBuilder& b, std::pair<ValueId, ValueId> left,
                                        std::pair<ValueId, ValueId> right) {
  TW_RETURN_IF_ERROR(CheckRank(b, left.first, 1, kMaxRank));
  TW_RETURN_IF_ERROR(CheckRank(b, right.first, 1, kMaxRank));
  TW_ASSIGN_OR_RETURN(const ValueId x,
                      Centered(b, left.first, left.second, AxisFromEnd(b, left.first, 2)));
  TW_ASSIGN_OR_RETURN(const ValueId y,
                      Centered(b, right.first, right.second, AxisFromEnd(b, right.first, 1)));
  return MultiplyMatrices(b, x, y);
}

absl::StatusOr<Outputs> MatMulInteger(OpBuilder& b) {
  return CenteredProduct(b, {b.Input(0), OptionalInput(b, 2)}, {b.Input(1), OptionalInput(b, 3)});
}

// Inputs: a, its scale and zero point; b, its scale and zero point; the output's.
absl::StatusOr<Outputs> QLinearMatMul(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId sum,
                      CenteredProduct(b, {b.Input(0), b.Input(2)}, {b.Input(3), b.Input(5)}));
  const Shape out = b.ShapeOf(sum);
  if (out.size() < 2) return absl::UnimplementedError("products of vectors are not supported");
  TW_ASSIGN_OR_RETURN(const ValueId rows, AlongAxis(b, b.Input(1), out, out.size() - 2));
  TW_ASSIGN_OR_RETURN(const ValueId columns, AlongAxis(b, b.Input(4), out, out.size() - 1));
  return Requantized(b, sum, {rows, columns, b.Input(6), b.Input(7)});
}

// factor * x; x itself for 1.
absl::StatusOr<ValueId> Scaled(OpBuilder& b, ValueId x, double factor) {
  if (factor == 1) return x;
  return Map(b, "scale", {x}, [factor](const Exprs& v) {
    if (IsFloat(v[0]->dtype)) return v[0] * Const(factor, v[0]->dtype);
    return Cast(Cast(v[0], DType::kF64) * Float(factor, DType::kF64), v[0]->dtype);
  });
}

// alpha * A' * B' + beta * C; alpha is applied to B, usually a constant weight.
// Factors of integers are integers.
absl::Status CheckFactors(OpBuilder& b) {
  if (IsFloat(b.DTypeOf(b.Input(0)))) return absl::OkStatus();
  for (const char* name : {"alpha", "beta"}) {
    const double factor = b.Float(name, 1);
    if (factor == std::trunc(factor)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("attribute ", name, " is ", factor, ", which does not scale integers"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Outputs> Gemm(OpBuilder& b) {
  ValueId x = b.Input(0), y = b.Input(1);
  TW_RETURN_IF_ERROR(CheckFactors(b));
  TW_RETURN_IF_ERROR(CheckSameType(b, {x, y}));
  TW_RETURN_IF_ERROR(CheckRank(b, x, 2, 2));
  TW_RETURN_IF_ERROR(CheckRank(b, y, 2, 2));
  if (b.Int("transA", 0) != 0) {
    TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {1, 0}));
  }
  if (b.Int("transB", 0) == 0) {
    TW_ASSIGN_OR_RETURN(y, Transpose(b, y, {1, 0}));
  }
  if (b.ShapeOf(x)[1] != b.ShapeOf(y)[1]) return DoNotMultiply(b.ShapeOf(x), b.ShapeOf(y));
  TW_ASSIGN_OR_RETURN(y, Scaled(b, y, b.Float("alpha", 1)));
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyByTransposed(b, x, y));
  const double beta = b.Float("beta", 1);
  if (!b.HasInput(2) || beta == 0) return product;
  TW_RETURN_IF_ERROR(CheckSameType(b, {product, b.Input(2)}));
  TW_ASSIGN_OR_RETURN(const ValueId addend, Scaled(b, b.Input(2), beta));
  TW_ASSIGN_OR_RETURN(const Shape shape, BroadcastShapes({b.ShapeOf(product), b.ShapeOf(addend)}));
  if (shape != b.ShapeOf(product)) return DoNotMultiply(b.ShapeOf(product), b.ShapeOf(addend));
  return Map(b, "add", {product, addend}, [](const Exprs& v) { return v[0] + v[1]; });
}

}  // namespace

OpList matmul() {
  return {{"MatMul", 1, 2, MatMul, kProducts},
          {"Gemm", 7, 2, Gemm, kProducts},
          {"MatMulInteger", 10, 2, MatMulInteger, kBytes},
          {"QLinearMatMul", 10, 8, QLinearMatMul, kBytes}};
}

}  // namespace tilewright::onnx_ops
