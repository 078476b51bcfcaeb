// Dense layer on a GPU whose depth is split over blocks: the space of dense_large_batch.gpu with
// another first part of tile_k, for outputs of few tiles.
#include "compiler/operators/define.h"
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/split_reduction.h"

namespace tilewright {
namespace {

class DenseSplit final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "dense layer as a tiled matrix product, its depth split over blocks (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "dense" && IsPlain(w) && MaySplit(w);
  }

  double Cost(const Workload& w, const Target& target) const override {
    return Template::Cost(w, target) * kUntunedSplit;
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form{.compute = Define(w), .staged = {0, 1}};
    form.axes = {{"tile_x", 4, ThreadAxis::kBlockX, ThreadAxis::kThreadX},
                 {"tile_y", 4, ThreadAxis::kBlockY, ThreadAxis::kThreadY}};
    form.reduce = {{.knob = "tile_k", .parts = 3, .split = true}};
    return form;
  }
};

}  // namespace

const Template& dense_split_gpu() {
  static const DenseSplit instance;
  return instance;
}

}  // namespace tilewright
