// CausalConvWithState (opset 27): a convolution over time, each channel by itself, whose past is
// zeros or the last elements of the call before; state space models decode with it.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// The elements before the input: [batch, channels, width - 1].
absl::StatusOr<ValueId> Past(OpBuilder& b, const TensorType& past) {
  constexpr size_t kState = 3;
  if (!b.HasInput(kState)) return b.Constant(Tensor(past));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kState), past.shape, "past_state"));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(kState)}));
  return b.Input(kState);
}

// x [batch, channels, 1, length] by weight [channels, 1, 1, width], without padding.
absl::StatusOr<ValueId> PerChannel(OpBuilder& b, ValueId x, ValueId weight) {
  const int64_t channels = b.ShapeOf(x)[1];
  return b.EmitWorkload({x, weight}, {.op = channels > 1 ? "depthwise_conv2d" : "conv2d",
                                      .inputs = {b.TypeOf(x), b.TypeOf(weight)},
                                      .attrs = {{"strides", {1, 1}},
                                                {"padding", {0, 0, 0, 0}},
                                                {"dilation", {1, 1}},
                                                {"groups", {channels}}},
                                      .data_layout = "NCHW",
                                      .weight_layout = "OIHW",
                                      .out_layout = "NCHW"});
}

absl::StatusOr<ValueId> Activate(OpBuilder& b, ValueId x) {
  const std::string name = b.Str("activation", "none");
  if (name == "none") return x;
  if (name != "silu" && name != "swish") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown activation \"", name, "\" (none, silu or swish)"));
  }
  return Map(b, "swish", {x}, [](const Exprs& v) { return formulas::QuickGelu(v[0], 1); });
}

absl::StatusOr<Outputs> CausalConvWithState(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  for (size_t i : {0, 1}) TW_RETURN_IF_ERROR(CheckRank(b, b.Input(i), 3, 3));
  const TensorType type = b.TypeOf(b.Input(0));
  const int64_t batch = type.shape[0], channels = type.shape[1], width = b.ShapeOf(b.Input(1))[2];
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(1), {channels, 1, width}, "weight"));
  ValueId padded = b.Input(0), state = kNoValue;
  if (width > 1) {
    TW_ASSIGN_OR_RETURN(const ValueId past, Past(b, {type.dtype, {batch, channels, width - 1}}));
    TW_ASSIGN_OR_RETURN(padded, Concatenate(b, {past, padded}, 2));
    const int64_t length = b.ShapeOf(padded)[2];
    TW_ASSIGN_OR_RETURN(state, RangeOf(b, padded, {2, length - width + 1, length}));
  }
  TW_ASSIGN_OR_RETURN(const ValueId image,
                      Reshape(b, padded, {batch, channels, 1, b.ShapeOf(padded)[2]}));
  TW_ASSIGN_OR_RETURN(const ValueId taps, Reshape(b, b.Input(1), {channels, 1, 1, width}));
  TW_ASSIGN_OR_RETURN(ValueId y, PerChannel(b, image, taps));
  if (b.HasInput(2)) {
    TW_RETURN_IF_ERROR(CheckSameType(b, {y, b.Input(2)}));
    TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {channels}, "bias"));
    TW_ASSIGN_OR_RETURN(y, AddChannels(b, y, b.Input(2)));
  }
  TW_ASSIGN_OR_RETURN(y, Reshape(b, y, type.shape));
  TW_ASSIGN_OR_RETURN(y, Activate(b, y));
  return Outputs({y, state});
}

// ONNX Runtime's, of which ONNX's was made; it has more forms.
absl::StatusOr<Outputs> RuntimeCausalConv(OpBuilder& b) {
  constexpr std::pair<const char*, int64_t> kForm[] = {
      {"ndim", 1},           {"dilation", 1},
      {"channels_last", 0},  {"state_window", 0},
      {"state_length", 0},   {"state_update_capacity", 0},
      {"input_channels", 0}, {"input_channel_offset", 0}};
  for (const auto& [name, value] : kForm) {
    if (b.Int(name, value) == value) continue;
    return absl::UnimplementedError(
        absl::StrCat(name, " ", b.Int(name, value), " is not supported (", value, " is)"));
  }
  return CausalConvWithState(b);
}

}  // namespace

OpList causal_conv_with_state() {
  return {{"CausalConvWithState", 27, 2, CausalConvWithState, kQuantizable},
          {"com.microsoft.CausalConvWithState", 1, 2, RuntimeCausalConv, kQuantizable}};
}

}  // namespace tilewright::onnx_ops
