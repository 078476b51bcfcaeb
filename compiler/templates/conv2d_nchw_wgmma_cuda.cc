// Convolution 1x1 for Hopper, NCHW: a warp loads boxes of weights and pixels, warpgroups multiply
// them, the pixels transposed (support/warpgroup_gemm.h). Images have a multiple of 8 pixels, so
// that rows of channels are whole 16 bytes, which tensor maps need; others and larger windows go to
// conv2d_nchw_tensorcore.cuda.
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/tensor_core_template.h"
#include "compiler/templates/support/warpgroup_template.h"

namespace tilewright {
namespace {

class Conv2dWgmma final : public WarpgroupTemplate {
 public:
  std::string_view Summary() const override {
    return "1x1 convolution by warpgroups and TMA, NCHW: float16, bfloat16 (Hopper)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "conv2d" && w.Attr("groups")[0] == 1 && IsPlain(w) &&
           w.inputs[0].shape[0] <= kMostBatches && HaveWarpgroups(Conv2dNchwGemm(w), w, target);
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override { return Conv2dNchwGemm(w); }
};

}  // namespace

const Template& conv2d_nchw_wgmma_cuda() {
  static const Conv2dWgmma instance;
  return instance;
}

}  // namespace tilewright
