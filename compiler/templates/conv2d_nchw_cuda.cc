// Direct convolution on a GPU, plain NCHW: blocks and threads tile output channels, rows and
// columns; input and weights pass through shared memory. AutoTVM's template of this name, knob for
// knob (apache/tvm v0.18, topi/cuda/conv2d_direct.py).
#include "compiler/operators/define.h"
#include "compiler/templates/support/gpu_conv.h"

namespace tilewright {
namespace {

class Conv2dNchw final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "direct convolution, NCHW, tiles in shared memory and registers (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "conv2d" && w.Attr("groups")[0] == 1 && IsPlain(w);
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form = ConvForm(w);
    form.reduce = {{"tile_rc"}, {"tile_ry"}, {"tile_rx"}};
    form.unroll_steps = {0, 512, 1500};
    return form;
  }
};

}  // namespace

const Template& conv2d_nchw_cuda() {
  static const Conv2dNchw instance;
  return instance;
}

}  // namespace tilewright
