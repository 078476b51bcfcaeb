// Dense layer on tensor cores: rows of data and of weights pass through shared memory, warps
// multiply tiles of them. AutoTVM's template of this name, knob for knob
// (support/tensor_core_template.h); any shape, where AutoTVM's takes whole tiles alone.
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/tensor_core_template.h"

namespace tilewright {
namespace {

class DenseTensorCore final : public TensorCoreTemplate {
 public:
  std::string_view Summary() const override {
    return "dense layer on tensor cores: float16, bfloat16, int8 (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "dense" && IsPlain(w) && MultiplyOf(w, target) != nullptr;
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override { return DenseGemm(w); }
};

}  // namespace

const Template& dense_tensorcore_cuda() {
  static const DenseTensorCore instance;
  return instance;
}

}  // namespace tilewright
