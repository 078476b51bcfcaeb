#include "compiler/core/operator_rules.h"

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("workload: ", what));
}

const Shape& Data(const Workload& w) { return w.inputs[0].shape; }
const Shape& Weight(const Workload& w) { return w.inputs[1].shape; }
int64_t Groups(const Workload& w) { return w.Attr("groups")[0]; }

absl::Status ChannelsDisagree(const Workload& w) {
  return Bad(absl::StrCat("channels disagree: data ", ToString(w.inputs[0]), ", weight ",
                          ToString(w.inputs[1]), ", groups ", Groups(w)));
}

// Input pixels that the taps of one output reach along spatial dimension d.
int64_t WindowOf(const Workload& w, size_t d) {
  return w.Attr("dilation")[d] * (Weight(w)[2 + d] - 1) + 1;
}

Shape ConvOutput(const Workload& w) {
  const auto extent = [&](size_t d) {
    const Shape& pad = w.Attr("padding");
    const int64_t room = Data(w)[2 + d] + pad[d] + pad[d + 2] - WindowOf(w, d);
    return room < 0 ? 0 : room / w.Attr("strides")[d] + 1;
  };
  return {Data(w)[0], Weight(w)[0], extent(0), extent(1)};
}

absl::Status CheckConv(const Workload& w) {
  if (Weight(w)[1] * Groups(w) != Data(w)[1] || Weight(w)[0] % Groups(w) != 0) {
    return ChannelsDisagree(w);
  }
  const Shape out = ConvOutput(w);
  if (out[2] >= 1 && out[3] >= 1) return absl::OkStatus();
  return Bad("the kernel window is larger than the padded input");
}

absl::Status CheckDepthwise(const Workload& w) {
  if (Groups(w) != Data(w)[1] || Weight(w)[0] != Data(w)[1]) {
    return Bad("depthwise_conv2d needs groups == channels == outputs");
  }
  return CheckConv(w);
}

double ConvMultiplyAdds(const Workload& w) {
  const Shape& weight = Weight(w);
  return static_cast<double>(NumElements(ConvOutput(w))) * weight[1] * weight[2] * weight[3];
}

Shape TransposedOutput(const Workload& w) {
  const auto extent = [&](size_t d) {
    const Shape& pad = w.Attr("padding");
    const int64_t whole = (Data(w)[2 + d] - 1) * w.Attr("strides")[d] + WindowOf(w, d);
    return whole - pad[d] - pad[d + 2] + w.Attr("output_padding")[d];
  };
  return {Data(w)[0], Weight(w)[1] * Groups(w), extent(0), extent(1)};
}

absl::Status CheckTransposed(const Workload& w) {
  if (Weight(w)[0] != Data(w)[1] || Data(w)[1] % Groups(w) != 0) return ChannelsDisagree(w);
  const Shape out = TransposedOutput(w);
  return out[2] >= 1 && out[3] >= 1 ? absl::OkStatus() : Bad("the padding leaves no output");
}

// Every input meets every tap.
double TransposedMultiplyAdds(const Workload& w) {
  const Shape& weight = Weight(w);
  return static_cast<double>(NumElements(Data(w))) * weight[1] * weight[2] * weight[3];
}

absl::Status CheckDense(const Workload& w) {
  return Data(w)[1] == Weight(w)[1] ? absl::OkStatus()
                                    : Bad("dense: K of data and weight disagree");
}

Shape DenseOutput(const Workload& w) { return {Data(w)[0], Weight(w)[0]}; }

double DenseMultiplyAdds(const Workload& w) {
  return static_cast<double>(Data(w)[0]) * Weight(w)[0] * Weight(w)[1];
}

absl::Status CheckBatchMatmul(const Workload& w) {
  const bool agree = Data(w)[0] == Weight(w)[0] && Data(w)[2] == Weight(w)[1];
  return agree ? absl::OkStatus() : Bad("batch_matmul: batch or K disagree");
}

Shape BatchMatmulOutput(const Workload& w) { return {Data(w)[0], Data(w)[1], Weight(w)[2]}; }

double BatchMatmulMultiplyAdds(const Workload& w) {
  return static_cast<double>(NumElements(BatchMatmulOutput(w))) * Data(w)[2];
}

const AttributeRule kStrides{"strides", 2, 1}, kPadding{"padding", 4, 0},
    kDilation{"dilation", 2, 1}, kGroups{"groups", 1, 1}, kOutputPadding{"output_padding", 2, 0};

}  // namespace

std::span<const OperatorRules> AllOperatorRules() {
  static const auto* rules = new std::vector<OperatorRules>{
      {.name = "batch_matmul",
       .data = {"BMK", "", /*named=*/false},
       .weight = {"BKN", "", /*named=*/false},
       .out = {"BMN", "", /*named=*/false},
       .weighted = false,
       .channel = 2,
       .check = CheckBatchMatmul,
       .output_shape = BatchMatmulOutput,
       .multiply_adds = BatchMatmulMultiplyAdds},
      {.name = "conv2d",
       .data = {"NCHW", "C"},
       .weight = {"OIHW", "IO"},
       .out = {"NCHW", "C"},
       .attributes = {kStrides, kPadding, kDilation, kGroups},
       .channel = 1,
       .check = CheckConv,
       .output_shape = ConvOutput,
       .multiply_adds = ConvMultiplyAdds},
      {.name = "conv2d_transpose",
       .data = {"NCHW", "C"},
       .weight = {"IOHW", "IO"},
       .out = {"NCHW", "C"},
       .attributes = {kStrides, kPadding, kDilation, kGroups, kOutputPadding},
       .channel = 1,
       .check = CheckTransposed,
       .output_shape = TransposedOutput,
       .multiply_adds = TransposedMultiplyAdds},
      {.name = "dense",
       .data = {"MK", "", /*named=*/false},
       .weight = {"NK", "N"},
       .out = {"MN", "", /*named=*/false},
       .channel = 1,
       .check = CheckDense,
       .output_shape = DenseOutput,
       .multiply_adds = DenseMultiplyAdds},
      {.name = "depthwise_conv2d",
       .data = {"NCHW", "C"},
       .weight = {"OIHW", "O"},
       .out = {"NCHW", "C"},
       .attributes = {kStrides, kPadding, kDilation, kGroups},
       .channel = 1,
       .check = CheckDepthwise,
       .output_shape = ConvOutput,
       .multiply_adds = ConvMultiplyAdds}};
  return *rules;
}

const OperatorRules* FindOperatorRules(std::string_view op) {
  for (const OperatorRules& rules : AllOperatorRules()) {
    if (rules.name == op) return &rules;
  }
  return nullptr;
}

}  // namespace tilewright
