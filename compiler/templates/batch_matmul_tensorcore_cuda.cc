// Batched matrix product on tensor cores. AutoTVM's knobs of this name
// (topi/cuda/batch_matmul_tensorcore.py), whose second matrix is [B,N,K]; ours is [B,K,N] and is
// transposed on the way to registers, which only 16-bit types can be.
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/tensor_core_template.h"

namespace tilewright {
namespace {

class BatchMatmulTensorCore final : public TensorCoreTemplate {
 public:
  std::string_view Summary() const override {
    return "batched matrix product on tensor cores: float16, bfloat16 (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "batch_matmul" && IsNarrowFloat(w.inputs[0].dtype) &&
           w.inputs[0].shape[0] <= kMostBatches && MultiplyOf(w, target) != nullptr;
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override { return BatchMatmulGemm(w); }
};

}  // namespace

const Template& batch_matmul_tensorcore_cuda() {
  static const BatchMatmulTensorCore instance;
  return instance;
}

}  // namespace tilewright
