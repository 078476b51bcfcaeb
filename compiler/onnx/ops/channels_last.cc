// ONNX Runtime's operators whose data have their channels last, [N, spatial..., C], as ONNX's own
// between two transposes; weights are as ever. Passes choose layouts and remove the transposes.
#include "compiler/onnx/channels_last.h"

#include "base/status_macros.h"
#include "compiler/onnx/catalog.h"

namespace tilewright::onnx_ops {
namespace {

// ONNX's or ONNX Runtime's operator `op_type` over data with their channels second.
absl::StatusOr<Outputs> BetweenTransposes(OpBuilder& b, const char* op_type) {
  std::vector<ValueId> inputs = b.Inputs();
  TW_ASSIGN_OR_RETURN(inputs[0], ChannelsSecond(b, inputs[0]));
  if (inputs.size() > 3 && inputs[3] != kNoValue) {  // what FusedConv adds
    TW_ASSIGN_OR_RETURN(inputs[3], ChannelsSecond(b, inputs[3]));
  }
  TW_ASSIGN_OR_RETURN(const ValueId y, ConvertAs(b, op_type, std::move(inputs)));
  return ChannelsLast(b, y);
}

OpRow LastRow(const char* op_type, size_t min_inputs, const char* as, ElementTypes types) {
  return {op_type, 1, min_inputs, [as](OpBuilder& b) { return BetweenTransposes(b, as); }, types};
}

// Inputs: x, its scale and zero point; those of w; the output's; a bias.
absl::StatusOr<Outputs> RuntimeQLinearConv(OpBuilder& b) {
  if (b.Int("channels_last", 0) == 0) return ConvertAs(b, "QLinearConv", b.Inputs());
  std::vector<ValueId> inputs = b.Inputs();
  TW_ASSIGN_OR_RETURN(inputs[0], ChannelsSecond(b, inputs[0]));
  TW_ASSIGN_OR_RETURN(const ValueId y, ConvertAs(b, "QLinearConv", std::move(inputs)));
  return ChannelsLast(b, y);
}

}  // namespace

OpList channels_last() {
  return {LastRow("com.microsoft.NhwcConv", 2, "Conv", kFloats),
          LastRow("com.microsoft.NhwcFusedConv", 2, "com.microsoft.FusedConv", kFloats),
          LastRow("com.microsoft.NhwcMaxPool", 1, "MaxPool", kBytes),
          {"com.microsoft.QLinearConv", 1, 8, RuntimeQLinearConv, kBytes}};
}

}  // namespace tilewright::onnx_ops
