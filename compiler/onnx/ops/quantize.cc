// QuantizeLinear and DequantizeLinear, per tensor or per axis.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// A scalar, or a vector along `axis` of the data, as something that broadcasts to the data.
absl::StatusOr<ValueId> AlongAxis(OpBuilder& b, ValueId value) {
  const Shape& data = b.ShapeOf(b.Input(0));
  if (NumElements(b.ShapeOf(value)) == 1) return Reshape(b, value, {});
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 1), data.size()));
  if (b.Int("block_size", 0) != 0) return absl::UnimplementedError("blocks are not supported");
  TW_RETURN_IF_ERROR(CheckShapeIs(b, value, {data[axis]}, "scale or zero point"));
  Shape shape(data.size() - axis, 1);
  shape[0] = data[axis];
  return Reshape(b, value, std::move(shape));
}

// Data, scale and, when there is one, zero point.
absl::StatusOr<std::vector<ValueId>> Read(OpBuilder& b) {
  std::vector<ValueId> inputs = {b.Input(0)};
  for (size_t i = 1; i < 3 && b.HasInput(i); ++i) {
    TW_ASSIGN_OR_RETURN(const ValueId value, AlongAxis(b, b.Input(i)));
    inputs.push_back(value);
  }
  if (b.DTypeOf(inputs[1]) != DType::kF32) {
    return absl::InvalidArgumentError("scale is not a float32 tensor");
  }
  return inputs;
}

absl::StatusOr<Outputs> DequantizeLinear(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<ValueId> inputs, Read(b));
  return Map(b, "dequantize", inputs, [](const Exprs& x) {
    Expr value = Cast(x[0], DType::kF32);
    if (x.size() > 2) value = value - Cast(x[2], DType::kF32);
    return value * x[1];
  });
}

absl::StatusOr<Outputs> QuantizeLinear(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<ValueId> inputs, Read(b));
  const DType to = inputs.size() > 2 ? b.DTypeOf(inputs[2]) : DType::kU8;
  if (to != DType::kU8 && to != DType::kI8) {
    return absl::UnimplementedError("only uint8 and int8 results are supported");
  }
  const double lo = to == DType::kU8 ? 0 : -128, hi = to == DType::kU8 ? 255 : 127;
  return Map(b, "quantize", inputs, [=](const Exprs& x) {
    Expr value = Call("round", {Divide(Cast(x[0], DType::kF32), x[1])}, DType::kF32);
    if (x.size() > 2) value = value + Cast(x[2], DType::kF32);
    return Cast(Min(Max(value, Float(lo)), Float(hi)), to);
  });
}

}  // namespace

OpList quantize() {
  return {{"QuantizeLinear", 10, 2, QuantizeLinear}, {"DequantizeLinear", 10, 2, DequantizeLinear}};
}

}  // namespace tilewright::onnx_ops
