// Depthwise convolution on a GPU, plain NCHW: all taps in one stage. AutoTVM's template of this
// name (apache/tvm v0.18, topi/cuda/depthwise_conv2d.py).
#include "compiler/templates/support/gpu_conv.h"

namespace tilewright {
namespace {

class DepthwiseConv2dNchw final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "depthwise convolution, NCHW, tiles in shared memory and registers (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "depthwise_conv2d" && IsPlain(w);
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form = ConvForm(w);
    form.reduce.resize(form.compute.reduce.size());
    form.unroll_steps = {0, 256, 1500};
    return form;
  }
};

}  // namespace

const Template& depthwise_conv2d_nchw_cuda() {
  static const DepthwiseConv2dNchw instance;
  return instance;
}

}  // namespace tilewright
