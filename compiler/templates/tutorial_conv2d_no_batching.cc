// The convolution of AutoTVM's GPU tutorial: one image, three parts to each reduction axis, and
// other candidates of unrolling (apache/tvm v0.18, gallery/how_to/tune_with_autotvm/
// tune_conv2d_cuda.py). Its config spaces have a place in many logs and papers.
#include "compiler/templates/support/gpu_conv.h"

namespace tilewright {
namespace {

class Conv2dNoBatching final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "AutoTVM's tutorial convolution: one image, reductions in three parts (GPU)";
  }

  // Models have epilogues: there this would only be a second task for conv2d_nchw.cuda's layers.
  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "conv2d" && w.Attr("groups")[0] == 1 && IsPlain(w) &&
           w.inputs[0].shape[0] == 1 && w.epilogue.empty();
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form = ConvForm(w);
    form.reduce = {{"tile_rc", 3}, {"tile_ry", 3}, {"tile_rx", 3}};
    form.unroll_steps = {0, 512, 1500};
    return form;
  }
};

}  // namespace

const Template& tutorial_conv2d_no_batching() {
  static const Conv2dNoBatching instance;
  return instance;
}

}  // namespace tilewright
