// Convolution for Hopper, NCHW: a warp loads boxes of weights and pixels, warpgroups multiply them
// (support/warpgroup_gemm.h). 1x1 convolutions of 16-bit floats read images as they lie, transposed
// by the multiplication, where these have a multiple of 8 pixels: tensor maps need rows of channels
// of whole 16 bytes. Others read a copy with the channels last (support/channels_last_conv.h).
#include <utility>

#include "compiler/templates/support/channels_last_conv.h"
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/tensor_core_template.h"
#include "compiler/templates/support/warpgroup_template.h"

namespace tilewright {
namespace {

bool ReadsAsItLies(const Workload& w) {
  return IsNarrowFloat(w.inputs[0].dtype) && w.inputs[0].shape[0] <= kMostBatches &&
         BoxesFit(Conv2dNchwGemm(w));
}

class Conv2dWgmma final : public WarpgroupTemplate {
 public:
  std::string_view Summary() const override {
    return "convolution by warpgroups and TMA, NCHW: float16, bfloat16, int8 (Hopper)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "conv2d" && w.Attr("groups")[0] == 1 && IsPlain(w) &&
           MultiplyOf(w, target) != nullptr && HaveWarpgroups(GemmOf(w), w, target);
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override {
    return ReadsAsItLies(w) ? Conv2dNchwGemm(w) : ChannelsLastGemm(w, WarpgroupSchedule{}.columns);
  }

  TensorCoreGemm GemmFor(const Workload& w, const Config& config) const override {
    return ReadsAsItLies(w) ? Conv2dNchwGemm(w) : ChannelsLastGemm(w, config.Int("columns"));
  }

  LoweredTask WithOperands(const Workload& w, LoweredTask products) const override {
    return ReadsAsItLies(w) ? products : WithChannelsLast(w, std::move(products));
  }
};

}  // namespace

const Template& conv2d_nchw_wgmma_cuda() {
  static const Conv2dWgmma instance;
  return instance;
}

}  // namespace tilewright
