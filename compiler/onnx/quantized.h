// Steps that ONNX's operators on quantised integers share: a real number is
// (integer - zero point) * scale.
#pragma once

#include <utility>

#include "compiler/onnx/tensor_ops.h"

namespace tilewright {

// Input i, or kNoValue when it is absent.
ValueId OptionalInput(const OpBuilder& b, size_t i);

// InvalidArgument for a constant scale with an element that is zero or no number: a model that says
// so was written wrongly, and would compute nothing but zeros, infinities and NaN.
absl::Status CheckScale(const OpBuilder& b, ValueId scale);

// A scalar, or a vector along `axis` of data of that shape, as something that broadcasts to it.
// InvalidArgument for another shape.
absl::StatusOr<ValueId> AlongAxis(OpBuilder& b, ValueId value, const Shape& data, size_t axis);

// 8-bit integers minus their zero point (kNoValue: 0; a scalar or a vector along `axis`), as int16,
// which holds them all and has fast sums of products.
// InvalidArgument for other types.
absl::StatusOr<ValueId> Centered(OpBuilder& b, ValueId value, ValueId zero_point, size_t axis);

// float32 data as uint8 whose scale and zero point, scalars, fit them: 0 is one of the values that
// are exact. Of nothing but zeros the scale is 1.
struct DynamicallyQuantized {
  ValueId values, scale, zero_point;
};
absl::StatusOr<DynamicallyQuantized> QuantizeDynamically(OpBuilder& b, ValueId data);

// `x` rounded half to even, plus the zero point (null: 0), saturated to the integer type. x:
// float32.
Expr Saturated(Expr x, const Expr& zero_point, DType to);

// Sums of products of a and b as float32: times alpha, the scale of a, and that of each column of
// b. InvalidArgument for scales of another type.
absl::StatusOr<ValueId> ScaledSums(OpBuilder& b, ValueId sum, std::pair<ValueId, ValueId> scales,
                                   double alpha = 1);

// What turns a sum of products into quantised integers; scales broadcast to the sum.
struct Requantization {
  ValueId left_scale, right_scale, out_scale, out_zero_point;
};
// saturate(round(sum * left * right / out) + zero point), of the zero point's type.
// Scales may be 16-bit floats; the factor is computed in float32.
absl::StatusOr<ValueId> Requantized(OpBuilder& b, ValueId sum, Requantization r);

}  // namespace tilewright
