// conv2d: data [N,C,H,W], weight [O,C/groups,KH,KW], any groups that divide C and O. Layouts: data
// and output NCHW or NCHW<x>c; weight OIHW, OIHW<x>o (unblocked input channels) or OIHW<x>i<x>o.
#include "absl/strings/str_cat.h"
#include "compiler/operators/support/convolution.h"

namespace tilewright {
namespace {

absl::Status CheckConv(const Workload& w) {
  if (WeightShape(w)[1] * GroupsOf(w) != DataShape(w)[1] || WeightShape(w)[0] % GroupsOf(w) != 0) {
    return ChannelsDisagree(w);
  }
  return CheckWindow(w);
}

std::optional<WorkloadLayouts> Blocked(const Workload& w, int64_t x) {
  const int64_t in = DataShape(w)[1], out = WeightShape(w)[0], groups = GroupsOf(w);
  const std::string data = absl::StrCat("NCHW", x, "c");
  const std::string by_both = absl::StrCat("OIHW", x, "i", x, "o");
  if (groups > 1) {
    const bool whole = in / groups % x == 0 && out / groups % x == 0;
    return whole ? std::optional<WorkloadLayouts>({data, by_both, data}) : std::nullopt;
  }
  if (2 * out < x) return std::nullopt;
  const bool integers = IsInteger(w.inputs[0].dtype);
  const bool in_words = integers || w.inputs[0].dtype == DType::kBF16;  // even blocks
  if (in < x && in_words && in <= 4) {
    return WorkloadLayouts{"NCHW4c", absl::StrCat("OIHW4i", x, "o"), data};
  }
  if (in < x && !integers) return WorkloadLayouts{"NCHW", absl::StrCat("OIHW", x, "o"), data};
  return WorkloadLayouts{data, by_both, data};
}

}  // namespace

const OperatorDef& conv2d() {
  static const auto* def = new OperatorDef(ConvolutionDef("IO", CheckConv, Blocked));
  return *def;
}

}  // namespace tilewright
