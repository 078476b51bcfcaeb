// depthwise_conv2d: data [N,C,H,W], weight [C,1,KH,KW], groups == C == O. Layouts: data and output
// NCHW or NCHW<x>c; weight OIHW or OIHW<x>o.
#include "absl/strings/str_cat.h"
#include "compiler/operators/support/convolution.h"

namespace tilewright {
namespace {

absl::Status CheckDepthwise(const Workload& w) {
  const int64_t channels = DataShape(w)[1];
  if (GroupsOf(w) != channels || WeightShape(w)[0] != channels) {
    return BadWorkload("depthwise_conv2d needs groups == channels == outputs");
  }
  return WeightShape(w)[1] == 1 ? CheckWindow(w) : ChannelsDisagree(w);
}

std::optional<WorkloadLayouts> Blocked(const Workload& w, int64_t x) {
  if (WeightShape(w)[0] < x) return std::nullopt;
  const std::string data = absl::StrCat("NCHW", x, "c");
  return WorkloadLayouts{data, absl::StrCat("OIHW", x, "o"), data};
}

}  // namespace

const OperatorDef& depthwise_conv2d() {
  static const auto* def = new OperatorDef(ConvolutionDef("O", CheckDepthwise, Blocked));
  return *def;
}

}  // namespace tilewright
