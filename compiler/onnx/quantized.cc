#include "compiler/onnx/quantized.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

bool IsByte(DType dtype) { return dtype == DType::kU8 || dtype == DType::kI8; }

absl::StatusOr<ValueId> Scalar(OpBuilder& b, ValueId value) {
  if (NumElements(b.ShapeOf(value)) == 1) return Reshape(b, value, {});
  return absl::InvalidArgumentError("the output's scale and zero point must be scalars");
}

// The extreme of all elements and 0, as a scalar.
absl::StatusOr<ValueId> ExtremeWithZero(OpBuilder& b, ValueId data, Reducer extreme) {
  std::vector<size_t> axes(b.RankOf(data));
  std::iota(axes.begin(), axes.end(), 0);
  return ReduceAxes(b, {.op = "range",
                        .inputs = {data},
                        .axes = std::move(axes),
                        .keep = false,
                        .reducer = extreme,
                        .result = [extreme](Expr x) {
                          const Expr zero = Const(0, x->dtype);
                          return Combine(extreme, std::move(x), zero);
                        }});
}

}  // namespace

ValueId OptionalInput(const OpBuilder& b, size_t i) {
  return b.HasInput(i) ? b.Input(i) : kNoValue;
}

absl::Status CheckScale(const OpBuilder& b, ValueId scale) {
  if (!b.IsConstant(scale)) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(const Tensor values, b.ConstValue(scale));
  for (int64_t i = 0; i < values.size(); ++i) {
    const double value = values.AsDouble(i);
    if (std::isfinite(value) && value != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("element ", i, " of a scale is ", value,
                                                   "; it must be a finite number other than zero"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueId> AlongAxis(OpBuilder& b, ValueId value, const Shape& data, size_t axis) {
  if (NumElements(b.ShapeOf(value)) == 1) return Reshape(b, value, {});
  TW_RETURN_IF_ERROR(CheckShapeIs(b, value, {data[axis]}, "scale or zero point"));
  Shape shape(data.size() - axis, 1);
  shape[0] = data[axis];
  return Reshape(b, value, std::move(shape));
}

absl::StatusOr<ValueId> Centered(OpBuilder& b, ValueId value, ValueId zero_point, size_t axis) {
  if (!IsByte(b.DTypeOf(value))) {
    return absl::InvalidArgumentError("an input is neither uint8 nor int8");
  }
  if (zero_point == kNoValue) return CastTo(b, value, DType::kI16);
  TW_RETURN_IF_ERROR(CheckSameType(b, {value, zero_point}));
  TW_ASSIGN_OR_RETURN(zero_point, AlongAxis(b, zero_point, b.ShapeOf(value), axis));
  return Map(b, "center", {value, zero_point},
             [](const Exprs& x) { return Cast(x[0], DType::kI16) - Cast(x[1], DType::kI16); });
}

absl::StatusOr<DynamicallyQuantized> QuantizeDynamically(OpBuilder& b, ValueId data) {
  if (b.DTypeOf(data) != DType::kF32) {
    return absl::InvalidArgumentError("input is not a float32 tensor");
  }
  DynamicallyQuantized q;
  TW_ASSIGN_OR_RETURN(const ValueId lowest, ExtremeWithZero(b, data, Reducer::kMin));
  TW_ASSIGN_OR_RETURN(const ValueId highest, ExtremeWithZero(b, data, Reducer::kMax));
  TW_ASSIGN_OR_RETURN(q.scale, Map(b, "scale", {lowest, highest}, [](const Exprs& x) {
                        return Select(Eq(x[0], x[1]), Float(1), Divide(x[1] - x[0], Float(255)));
                      }));
  TW_ASSIGN_OR_RETURN(q.zero_point, Map(b, "zero_point", {lowest, q.scale}, [](const Exprs& x) {
                        return Saturated(Divide(Float(0) - x[0], x[1]), nullptr, DType::kU8);
                      }));
  TW_ASSIGN_OR_RETURN(q.values,
                      Map(b, "quantize", {data, q.scale, q.zero_point}, [](const Exprs& x) {
                        return Saturated(Divide(x[0], x[1]), x[2], DType::kU8);
                      }));
  return q;
}

Expr Saturated(Expr x, const Expr& zero_point, DType to) {
  Expr value = Call("round", {std::move(x)}, DType::kF32);
  if (zero_point != nullptr) value = value + Cast(zero_point, DType::kF32);
  return Cast(std::move(value), to);  // casts saturate
}

absl::StatusOr<ValueId> Requantized(OpBuilder& b, ValueId sum, Requantization r) {
  const DType to = b.DTypeOf(r.out_zero_point);
  if (!IsByte(to)) return absl::InvalidArgumentError("the output is neither uint8 nor int8");
  for (ValueId* scale : {&r.left_scale, &r.right_scale, &r.out_scale}) {
    if (!IsFloat(b.DTypeOf(*scale)) || b.DTypeOf(*scale) == DType::kF64) {
      return absl::InvalidArgumentError("a scale is not float32, float16 or bfloat16");
    }
    TW_RETURN_IF_ERROR(CheckScale(b, *scale));
    TW_ASSIGN_OR_RETURN(*scale, CastTo(b, *scale, DType::kF32));
  }
  TW_ASSIGN_OR_RETURN(const ValueId out_scale, Scalar(b, r.out_scale));
  TW_ASSIGN_OR_RETURN(const ValueId zero_point, Scalar(b, r.out_zero_point));
  // By itself, so that of constants it is one.
  TW_ASSIGN_OR_RETURN(const ValueId factor,
                      Map(b, "scale", {r.left_scale, r.right_scale, out_scale},
                          [](const Exprs& x) { return Divide(x[0] * x[1], x[2]); }));
  return Map(b, "requantize", {sum, factor, zero_point},
             [to](const Exprs& x) { return Saturated(Cast(x[0], DType::kF32) * x[1], x[2], to); });
}

absl::StatusOr<ValueId> ScaledSums(OpBuilder& b, ValueId sum, std::pair<ValueId, ValueId> scales,
                                   double alpha) {
  const Shape out = b.ShapeOf(sum);
  if (out.empty()) return absl::UnimplementedError("products of vectors are not supported");
  TW_RETURN_IF_ERROR(CheckSameType(b, {scales.first, scales.second}));
  if (b.DTypeOf(scales.first) != DType::kF32) {
    return absl::InvalidArgumentError("a scale is not float32");
  }
  TW_ASSIGN_OR_RETURN(const ValueId all, Reshape(b, scales.first, {}));
  TW_ASSIGN_OR_RETURN(const ValueId columns, AlongAxis(b, scales.second, out, out.size() - 1));
  return Map(b, "scale", {sum, all, columns}, [alpha](const Exprs& v) {
    const Expr factor = v[1] * v[2];
    return Cast(v[0], DType::kF32) * (alpha == 1 ? factor : Float(alpha) * factor);
  });
}

}  // namespace tilewright
