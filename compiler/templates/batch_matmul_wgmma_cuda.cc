// Batched matrix product for Hopper: a warp loads boxes of both matrices, warpgroups multiply them,
// the right one transposed (support/warpgroup_gemm.h).
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/tensor_core_template.h"
#include "compiler/templates/support/warpgroup_template.h"

namespace tilewright {
namespace {

class BatchMatmulWgmma final : public WarpgroupTemplate {
 public:
  std::string_view Summary() const override {
    return "batched matrix product by warpgroups and TMA: float16, bfloat16 (Hopper)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "batch_matmul" && w.inputs[0].shape[0] <= kMostBatches &&
           HaveWarpgroups(BatchMatmulGemm(w), w, target);
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override { return BatchMatmulGemm(w); }
};

}  // namespace

const Template& batch_matmul_wgmma_cuda() {
  static const BatchMatmulWgmma instance;
  return instance;
}

}  // namespace tilewright
