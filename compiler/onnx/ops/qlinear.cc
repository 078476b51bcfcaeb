// ONNX Runtime's operators on quantised integers: the reals' formula in float32, rounded once to
// the output's integers.
#include <algorithm>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/channels_last.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/quantized.h"
#include "compiler/onnx/softmax.h"

namespace tilewright::onnx_ops {
namespace {

// Inputs i + 1 and i + 2 quantise input i; a single zero point and scale each, the former optional.
absl::StatusOr<ValueId> Dequantized(OpBuilder& b, size_t i) {
  if (!b.HasInput(i) || !b.HasInput(i + 1)) {
    return absl::InvalidArgumentError(absl::StrCat("lacks input ", i, " or its scale"));
  }
  std::vector<ValueId> inputs = {b.Input(i)};
  for (size_t k = i + 1; k < i + 3 && b.HasInput(k); ++k) {
    TW_ASSIGN_OR_RETURN(inputs.emplace_back(), Reshape(b, b.Input(k), {}));
  }
  const DType dtype = b.DTypeOf(inputs[0]);
  if (!IsInteger(dtype) || SizeOf(dtype) > 2 || b.DTypeOf(inputs[1]) != DType::kF32) {
    return absl::InvalidArgumentError("an input is no 8- or 16-bit integer or a scale no float32");
  }
  if (inputs.size() > 2) TW_RETURN_IF_ERROR(CheckSameType(b, {inputs[0], inputs[2]}));
  return Map(b, "dequantize", inputs, [](const Exprs& x) {
    const Expr real = Cast(x[0], DType::kF32);
    return (x.size() > 2 ? real - Cast(x[2], DType::kF32) : real) * x[1];
  });
}

// By input i, a scale, and the zero point after it; integers of the type of the first input where
// there is none.
absl::StatusOr<ValueId> Quantized(OpBuilder& b, ValueId real, size_t i) {
  if (!b.HasInput(i)) return absl::InvalidArgumentError(absl::StrCat("lacks input ", i));
  std::vector<ValueId> inputs = {real};
  for (size_t k = i; k < i + 2 && b.HasInput(k); ++k) {
    TW_ASSIGN_OR_RETURN(inputs.emplace_back(), Reshape(b, b.Input(k), {}));
  }
  const DType to = inputs.size() > 2 ? b.DTypeOf(inputs[2]) : b.DTypeOf(b.Input(0));
  if (!IsInteger(to) || SizeOf(to) > 2 || b.DTypeOf(inputs[1]) != DType::kF32) {
    return absl::InvalidArgumentError(
        "the output is no 8- or 16-bit integer or its scale no float32");
  }
  return Map(b, "quantize", inputs, [to](const Exprs& x) {
    return Saturated(Divide(x[0], x[1]), x.size() > 2 ? x[2] : nullptr, to);
  });
}

// Inputs: a, its scale and zero point, the same of b, the output's.
OpRow BinaryRow(const char* op_type, const char* name, Expr (*formula)(const Exprs&)) {
  return {op_type, 1, 7,
          [=](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_ASSIGN_OR_RETURN(const ValueId x, Dequantized(b, 0));
            TW_ASSIGN_OR_RETURN(const ValueId y, Dequantized(b, 3));
            TW_ASSIGN_OR_RETURN(const ValueId real, Map(b, name, {x, y}, formula));
            return Quantized(b, real, 6);
          },
          kBytes};
}

// Inputs: x, its scale and zero point, the output's.
OpRow UnaryRow(const char* op_type,
               std::function<absl::StatusOr<ValueId>(OpBuilder&, ValueId)> convert) {
  return {op_type, 1, 4,
          [=](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_ASSIGN_OR_RETURN(const ValueId x, Dequantized(b, 0));
            TW_ASSIGN_OR_RETURN(const ValueId real, convert(b, x));
            return Quantized(b, real, 3);
          },
          kBytes};
}

absl::StatusOr<ValueId> LeakyRelu(OpBuilder& b, ValueId x) {
  const double alpha = b.Float("alpha", 0.01);
  return Map(b, "leaky_relu", {x}, [alpha](const Exprs& v) {
    return formulas::IfPositive(v[0], v[0], v[0] * formulas::Lit(v[0], alpha));
  });
}

absl::StatusOr<ValueId> GlobalAverage(OpBuilder& b, ValueId x) {
  TW_RETURN_IF_ERROR(CheckRank(b, x, 3, kMaxRank));
  const Shape shape = b.ShapeOf(x);
  const size_t first = b.Int("channels_last", 0) != 0 ? 1 : 2;
  std::vector<size_t> axes(shape.size() - 2);
  std::iota(axes.begin(), axes.end(), first);
  double count = 1;
  for (size_t axis : axes) count *= static_cast<double>(shape[axis]);
  return ReduceAxes(
      b, {.op = "global_average_pool",
          .inputs = {x},
          .axes = axes,
          .result = [count](const Expr& sum) { return Divide(sum, formulas::Lit(sum, count)); }});
}

absl::StatusOr<ValueId> Softmax(OpBuilder& b, ValueId x) {
  const size_t rank = b.RankOf(x);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), rank));
  if (b.Int("opset", 13) >= 13) return SoftmaxOver(b, x, {axis});
  std::vector<size_t> axes(rank - axis);
  std::iota(axes.begin(), axes.end(), axis);
  return SoftmaxOver(b, x, axes);
}

// Inputs: the output's scale and zero point, then each piece with its own.
absl::StatusOr<Outputs> Concat(OpBuilder& b) {
  std::vector<ValueId> pieces;
  for (size_t i = 2; i < b.num_inputs(); i += 3) {
    TW_ASSIGN_OR_RETURN(const ValueId real, Dequantized(b, i));
    TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(1), b.Input(i)}));
    TW_ASSIGN_OR_RETURN(pieces.emplace_back(), Quantized(b, real, 0));
  }
  if (pieces.empty()) return absl::InvalidArgumentError("has nothing to join");
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), b.RankOf(pieces[0])));
  return Concatenate(b, pieces, axis);
}

absl::StatusOr<ValueId> AddBias(OpBuilder& b, ValueId x, size_t i) {
  if (!b.HasInput(i)) return x;
  TW_RETURN_IF_ERROR(CheckSameType(b, {x, b.Input(i)}));
  return Map(b, "add", {x, b.Input(i)}, [](const Exprs& v) { return v[0] + v[1]; });
}

// Inputs: a, b, their scales, their zero points, a bias.
absl::StatusOr<Outputs> MatMulIntegerToFloat(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, Centered(b, b.Input(0), OptionalInput(b, 4), 0));
  TW_ASSIGN_OR_RETURN(const ValueId y, Centered(b, b.Input(1), OptionalInput(b, 5),
                                                std::max<size_t>(b.RankOf(b.Input(1)), 1) - 1));
  TW_ASSIGN_OR_RETURN(const ValueId sum, MultiplyMatrices(b, x, y));
  TW_ASSIGN_OR_RETURN(const ValueId real, ScaledSums(b, sum, {b.Input(2), b.Input(3)}));
  return AddBias(b, real, 6);
}

// Inputs: real data, which are rounded to 8 bits by their range; b, its scale and zero point; a
// bias.
absl::StatusOr<Outputs> DynamicQuantizeMatMul(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const DynamicallyQuantized q, QuantizeDynamically(b, b.Input(0)));
  TW_ASSIGN_OR_RETURN(const ValueId x, Centered(b, q.values, q.zero_point, 0));
  TW_ASSIGN_OR_RETURN(const ValueId y, Centered(b, b.Input(1), OptionalInput(b, 3),
                                                std::max<size_t>(b.RankOf(b.Input(1)), 1) - 1));
  TW_ASSIGN_OR_RETURN(const ValueId sum, MultiplyMatrices(b, x, y));
  TW_ASSIGN_OR_RETURN(const ValueId real, ScaledSums(b, sum, {q.scale, b.Input(2)}));
  return AddBias(b, real, 4);
}

absl::StatusOr<ValueId> AverageOfWindows(OpBuilder& b, ValueId x) {
  if (b.Int("channels_last", 0) == 0) return ConvertAs(b, "AveragePool", {x});
  TW_ASSIGN_OR_RETURN(x, ChannelsSecond(b, x));
  TW_ASSIGN_OR_RETURN(const ValueId y, ConvertAs(b, "AveragePool", {x}));
  return ChannelsLast(b, y);
}

absl::StatusOr<ValueId> MeanOver(OpBuilder& b, ValueId x) {
  TW_ASSIGN_OR_RETURN(std::vector<size_t> axes, NormalizeAxes(b.Ints("axes", {}), b.RankOf(x)));
  if (axes.empty()) {
    axes.resize(b.RankOf(x));
    std::iota(axes.begin(), axes.end(), 0);
  }
  return MeanOverAxes(
      b, {.op = "mean", .inputs = {x}, .axes = std::move(axes), .keep = b.Int("keepdims", 1) != 0});
}

// Inputs: a condition; x, its scale and zero point; y, its scale and zero point; the output's.
absl::StatusOr<Outputs> QLinearWhere(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, Dequantized(b, 1));
  TW_ASSIGN_OR_RETURN(const ValueId y, Dequantized(b, 4));
  if (b.DTypeOf(b.Input(0)) != DType::kBool) {
    return absl::InvalidArgumentError("the condition is not bool");
  }
  TW_ASSIGN_OR_RETURN(const ValueId real, Map(b, "where", {b.Input(0), x, y}, [](const Exprs& v) {
                        return Select(v[0], v[1], v[2]);
                      }));
  return Quantized(b, real, 7);
}

// Inputs: a, its scale and zero point; b, its scale and zero point; an int32 bias in units of both
// scales' product; the output's scale and zero point, or none for a float32 output.
absl::StatusOr<Outputs> QGemm(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, 2));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(3), 2, 2));
  const bool transposed = b.Int("transB", 0) != 0;
  TW_ASSIGN_OR_RETURN(ValueId x, Centered(b, b.Input(0), OptionalInput(b, 2), 0));
  TW_ASSIGN_OR_RETURN(ValueId y, Centered(b, b.Input(3), OptionalInput(b, 5), transposed ? 0 : 1));
  if (b.Int("transA", 0) != 0) {
    TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {1, 0}));
  }
  if (transposed) {
    TW_ASSIGN_OR_RETURN(y, Transpose(b, y, {1, 0}));
  }
  TW_ASSIGN_OR_RETURN(ValueId sum, MultiplyMatrices(b, x, y));
  TW_ASSIGN_OR_RETURN(sum, AddBias(b, sum, 6));
  TW_ASSIGN_OR_RETURN(const ValueId real,
                      ScaledSums(b, sum, {b.Input(1), b.Input(4)}, b.Float("alpha", 1)));
  if (!b.HasInput(7)) return real;
  return Quantized(b, real, 7);
}

}  // namespace

OpList qlinear() {
  const auto sigmoid = [](OpBuilder& b, ValueId x) {
    return Map(b, "sigmoid", {x}, [](const Exprs& v) { return formulas::Sigmoid(v[0]); });
  };
  return {BinaryRow("com.microsoft.QLinearAdd", "add", [](const Exprs& x) { return x[0] + x[1]; }),
          BinaryRow("com.microsoft.QLinearMul", "mul", [](const Exprs& x) { return x[0] * x[1]; }),
          UnaryRow("com.microsoft.QLinearSigmoid", sigmoid),
          UnaryRow("com.microsoft.QLinearLeakyRelu", LeakyRelu),
          UnaryRow("com.microsoft.QLinearAveragePool", AverageOfWindows),
          UnaryRow("com.microsoft.QLinearGlobalAveragePool", GlobalAverage),
          UnaryRow("com.microsoft.QLinearSoftmax", Softmax),
          UnaryRow("com.microsoft.QLinearReduceMean", MeanOver),
          {"com.microsoft.QLinearWhere", 1, 9, QLinearWhere, kBytes, false, 1},
          {"com.microsoft.QLinearConcat", 1, 4, Concat, kBytes, false, 2},
          {"com.microsoft.MatMulIntegerToFloat", 1, 4, MatMulIntegerToFloat, kBytes},
          {"com.microsoft.DynamicQuantizeMatMul", 1, 3, DynamicQuantizeMatMul, {DType::kF32}},
          {"com.microsoft.QGemm", 1, 6, QGemm, kBytes}};
}

}  // namespace tilewright::onnx_ops
