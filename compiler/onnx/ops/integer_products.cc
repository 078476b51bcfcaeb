// ONNX Runtime's MatMulInteger16, MulInteger and ReduceSumInteger: sums and products of narrow
// integers as 32-bit ones.
#include <numeric>

#include "base/status_macros.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/quantized.h"

namespace tilewright::onnx_ops {
namespace {

constexpr ElementTypes kWordTypes = {DType::kI16, DType::kU16};

// Unsigned only of unsigned integers.
DType SumsOf(const OpBuilder& b) {
  return IsUnsigned(b.DTypeOf(b.Input(0))) ? DType::kU32 : DType::kI32;
}

absl::StatusOr<Outputs> MatMulInteger16(OpBuilder& b) {
  const DType sums = SumsOf(b);
  TW_ASSIGN_OR_RETURN(const ValueId x, CastTo(b, b.Input(0), sums));
  TW_ASSIGN_OR_RETURN(const ValueId y, CastTo(b, b.Input(1), sums));
  return MultiplyMatrices(b, x, y);
}

// Inputs: a, its zero point, b, its zero point.
absl::StatusOr<Outputs> MulInteger(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, Centered(b, b.Input(0), OptionalInput(b, 1), 0));
  TW_ASSIGN_OR_RETURN(const ValueId y, Centered(b, b.Input(2), OptionalInput(b, 3), 0));
  return Map(b, "mul", {x, y},
             [](const Exprs& v) { return Cast(v[0], DType::kI32) * Cast(v[1], DType::kI32); });
}

absl::StatusOr<Outputs> ReduceSumInteger(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(std::vector<size_t> axes,
                      NormalizeAxes(b.Ints("axes", {}), b.RankOf(b.Input(0))));
  if (axes.empty()) {
    axes.resize(b.RankOf(b.Input(0)));
    std::iota(axes.begin(), axes.end(), 0);
  }
  TW_ASSIGN_OR_RETURN(const ValueId x, CastTo(b, b.Input(0), SumsOf(b)));
  return ReduceAxes(
      b, {.op = "sum", .inputs = {x}, .axes = std::move(axes), .keep = b.Int("keepdims", 1) != 0});
}

}  // namespace

OpList integer_products() {
  return {{"com.microsoft.MatMulInteger16", 1, 2, MatMulInteger16, kWordTypes},
          {"com.microsoft.MulInteger", 1, 3, MulInteger, kBytes},
          {"com.microsoft.ReduceSumInteger", 1, 1, ReduceSumInteger, kBytes}};
}

}  // namespace tilewright::onnx_ops
