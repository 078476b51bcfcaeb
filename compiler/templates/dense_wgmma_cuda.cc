// Dense layer for Hopper: a warp loads boxes of data and weights, warpgroups multiply them
// (support/warpgroup_gemm.h).
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/warpgroup_template.h"

namespace tilewright {
namespace {

class DenseWgmma final : public WarpgroupTemplate {
 public:
  std::string_view Summary() const override {
    return "dense layer by warpgroups and TMA: float16, bfloat16, int8 (Hopper)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "dense" && IsPlain(w) && HaveWarpgroups(DenseGemm(w), w, target);
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override { return DenseGemm(w); }
};

}  // namespace

const Template& dense_wgmma_cuda() {
  static const DenseWgmma instance;
  return instance;
}

}  // namespace tilewright
