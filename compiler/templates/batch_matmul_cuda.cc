// Batched matrix product on a GPU. AutoTVM's template of this name (apache/tvm v0.18,
// topi/cuda/batch_matmul.py).
#include "compiler/operators/define.h"
#include "compiler/templates/support/simt_template.h"

namespace tilewright {
namespace {

class BatchMatmul final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "batched matrix product, tiles in shared memory and registers (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "batch_matmul";
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    SimtForm form{.compute = Define(w), .staged = {0, 1}};
    form.axes = {{.block = ThreadAxis::kBlockZ},
                 {"tile_y", 3, ThreadAxis::kBlockY, ThreadAxis::kThreadY},
                 {"tile_x", 3, ThreadAxis::kBlockX, ThreadAxis::kThreadX}};
    form.reduce = {{"tile_k"}};
    form.unroll_steps = {8, 16, 32, 64};
    return form;
  }
};

}  // namespace

const Template& batch_matmul_cuda() {
  static const BatchMatmul instance;
  return instance;
}

}  // namespace tilewright
