// Convolution on tensor cores as one matrix product an image, NCHW: weights [O, I*KH*KW] times the
// pixels that each output's window reads [I*KH*KW, OH*OW], gathered into shared memory and
// transposed on the way to registers. Knobs as dense_tensorcore.cuda; our own name, since AutoTVM's
// templates of convolutions on tensor cores take other layouts.
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/operator_gemms.h"
#include "compiler/templates/support/tensor_core_template.h"

namespace tilewright {
namespace {

class Conv2dTensorCore final : public TensorCoreTemplate {
 public:
  std::string_view Summary() const override {
    return "convolution on tensor cores, NCHW: float16, bfloat16 (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return w.op == "conv2d" && w.Attr("groups")[0] == 1 && IsPlain(w) &&
           IsNarrowFloat(w.inputs[0].dtype) && w.inputs[0].shape[0] <= kMostBatches &&
           MultiplyOf(w, target) != nullptr;
  }

 protected:
  TensorCoreGemm GemmOf(const Workload& w) const override { return Conv2dNchwGemm(w); }
};

}  // namespace

const Template& conv2d_nchw_tensorcore_cuda() {
  static const Conv2dTensorCore instance;
  return instance;
}

}  // namespace tilewright
