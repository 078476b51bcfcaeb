// Dense layer on a GPU: a tiled matrix product. AutoTVM's template of this name, in the unfiltered
// form that its logs are of (apache/tvm v0.18, topi/gpu/dense.py).
#include "compiler/operators/define.h"
#include "compiler/templates/support/gpu_conv.h"

namespace tilewright {
namespace {

class DenseLargeBatch final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "dense layer as a tiled matrix product in shared memory and registers (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "dense" && IsPlain(w);
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form{.compute = Define(w), .staged = {0, 1}};
    form.axes = {{"tile_x", 4, ThreadAxis::kBlockX, ThreadAxis::kThreadX},
                 {"tile_y", 4, ThreadAxis::kBlockY, ThreadAxis::kThreadY}};
    form.reduce = {{"tile_k", 3}};
    return form;
  }
};

}  // namespace

const Template& dense_large_batch_gpu() {
  static const DenseLargeBatch instance;
  return instance;
}

}  // namespace tilewright
