// Conv, ConvInteger and QLinearConv.
#include "base/status_macros.h"
#include "compiler/onnx/convolve.h"
#include "compiler/onnx/quantized.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> Conv(OpBuilder& b) {
  return Convolve(b, b.Input(0), b.Input(1), b.HasInput(2) ? b.Input(2) : kNoValue);
}

// Inputs: x, w, and their zero points. Padding is of zero points.
absl::StatusOr<Outputs> ConvInteger(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId data, Centered(b, b.Input(0), OptionalInput(b, 2), 1));
  TW_ASSIGN_OR_RETURN(const ValueId weight, Centered(b, b.Input(1), OptionalInput(b, 3), 0));
  return Convolve(b, data, weight, kNoValue);
}

// Inputs: x, its scale and zero point; w, its scale and zero point; the output's scale and zero
// point; an int32 bias in units of both scales' product.
absl::StatusOr<Outputs> QLinearConv(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId data, Centered(b, b.Input(0), b.Input(2), 1));
  TW_ASSIGN_OR_RETURN(const ValueId weight, Centered(b, b.Input(3), b.Input(5), 0));
  TW_ASSIGN_OR_RETURN(const ValueId sum, Convolve(b, data, weight, OptionalInput(b, 8)));
  TW_ASSIGN_OR_RETURN(const ValueId weight_scale, AlongAxis(b, b.Input(4), b.ShapeOf(sum), 1));
  return Requantized(b, sum, {b.Input(1), weight_scale, b.Input(6), b.Input(7)});
}

}  // namespace

OpList conv() {
  return {{"Conv", 1, 2, Conv, kFloats},
          {"ConvInteger", 10, 2, ConvInteger, kBytes},
          {"QLinearConv", 10, 8, QLinearConv, kBytes}};
}

}  // namespace tilewright::onnx_ops
