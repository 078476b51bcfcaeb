// Dense layer on tensor cores: rows of data and of weights pass through shared memory, warps
// multiply tiles of them. AutoTVM's template of this name, knob for knob
// (support/tensor_core_template.h); any shape, where AutoTVM's takes whole tiles alone.
#include "compiler/operators/define.h"
#include "compiler/templates/support/gpu_conv.h"
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
  TensorCoreGemm GemmOf(const Workload& w) const override {
    TensorCoreGemm gemm{.compute = Define(w)};
    gemm.inputs = gemm.compute.inputs;
    gemm.m = w.inputs[0].shape[0];
    gemm.n = w.inputs[1].shape[0];
    gemm.k = w.inputs[0].shape[1];
    const auto at = [](const Expr&, const Expr& row, const Expr& column) {
      return std::vector<Expr>{row, column};
    };
    gemm.left = {.source = gemm.inputs[0], .rows = gemm.m, .columns = gemm.k, .at = at};
    gemm.right = {.source = gemm.inputs[1], .rows = gemm.n, .columns = gemm.k, .at = at};
    gemm.axes = [](const Expr&, const Expr& m, const Expr& n) { return std::vector<Expr>{m, n}; };
    return gemm;
  }
};

}  // namespace

const Template& dense_tensorcore_cuda() {
  static const DenseTensorCore instance;
  return instance;
}

}  // namespace tilewright
