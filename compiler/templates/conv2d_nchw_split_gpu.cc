// Direct convolution on a GPU whose input channels are split over blocks: the space of
// conv2d_nchw.cuda with another first part of tile_rc. For outputs of so few tiles that they leave
// most of a large GPU idle: batch 1, where images have become small and channels many.
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/split_reduction.h"

namespace tilewright {
namespace {

class Conv2dNchwSplit final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "direct convolution, NCHW, input channels split over blocks (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "conv2d" && w.Attr("groups")[0] == 1 && IsPlain(w) &&
           MaySplit(w);
  }

  double Cost(const Workload& w, const Target& target) const override {
    return Template::Cost(w, target) * kUntunedSplit;
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form = ConvForm(w);
    form.reduce = {{.knob = "tile_rc", .parts = 3, .split = true}, {"tile_ry"}, {"tile_rx"}};
    form.unroll_steps = {0, 512, 1500};
    return form;
  }
};

}  // namespace

const Template& conv2d_nchw_split_gpu() {
  static const Conv2dNchwSplit instance;
  return instance;
}

}  // namespace tilewright
