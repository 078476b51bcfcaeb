// Winograd's convolution F(m x m, 3 x 3) on a GPU, plain NCHW, m 4 where the image's rows are a
// multiple of 8, else 2: three kernels (support/winograd_simt.h), the weights being transformed
// once. The knobs are of the matrix products in the middle. AutoTVM's template of this name, knob
// for knob (apache/tvm v0.18, topi/cuda/conv2d_winograd.py), for kernels of 3x3.
//
// Rounding: as compiler/templates/conv2d_winograd_cpu.cc, held against float64 by
// tests/templates/winograd_accuracy_test.cc.
#include <utility>

#include "base/status_macros.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/loop/threads.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/support/element_types.h"
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/support/winograd_simt.h"

namespace tilewright {
namespace {

int64_t TileOf(const Workload& w) { return w.inputs[0].shape[2] % 8 == 0 ? 4 : 2; }

WinogradShape ShapeOf(const Workload& w) { return WinogradShapeOf(w, TileOf(w), 1); }

// Multiply-adds in the time that a transform takes for an element of a matrix, which it or the
// product moves through the cache that all multiprocessors share (4 bytes at GpuTraits' rates).
constexpr double kTransformCost = 11;

class Conv2dNchwWinograd final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "Winograd convolution 3x3, NCHW, tiles of 2 or 4 pixels (GPU)";
  }

  bool Exact(const Workload&) const override { return false; }
  double Tolerance(const Workload& w, const Config&) const override {
    return TileOf(w) == 2 ? 1e-5 : 5e-5;
  }

  bool Matches(const Workload& w, const Target& target) const override {
    if (!IsGpu(target) || w.op != "conv2d" || !IsAllFloat32(w) || !IsPlain(w)) return false;
    const Shape& weight = w.inputs[1].shape;
    return weight[2] == 3 && weight[3] == 3 && w.Attr("groups")[0] == 1 &&
           w.Attr("strides") == Shape{1, 1} && w.Attr("dilation") == Shape{1, 1};
  }

  double Cost(const Workload& w, const Target& target) const override {
    const WinogradShape s = ShapeOf(w);
    const auto tiles = static_cast<double>(s.alpha * s.alpha * s.tiles());
    const auto in = static_cast<double>(s.in_blocks), out = static_cast<double>(s.out_blocks);
    const double work = tiles * (in * out + 2 * kTransformCost * (in + out));
    const auto weights = static_cast<double>(NumBytes(SimtWeights(s)));
    return MemoryBoundCost(work / VectorLanes(target), weights);
  }

  // Operands: the task's arguments, then the transformed weights and tiles, and their products.
  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& config) const override {
    TW_ASSIGN_OR_RETURN(LoweredTask product, SimtTemplate::Lower(w, target, config));
    const WinogradShape s = ShapeOf(w);
    Program last = TransformProductsSimt(w, s);
    const int out = static_cast<int>(last.params.size());
    const int weights = out + 1, tiles = out + 2, products = out + 3;
    std::vector<int> operands = {products};
    for (int i = 2; i <= out; ++i) operands.push_back(i);
    LoweredTask task{.buffers = {SimtWeights(s), SimtTiles(s), SimtProducts(s)}};
    task.prepare = {{TransformWeightsSimt(s), {1, weights}}};
    task.steps = {{TransformTilesSimt(s), {0, tiles}},
                  {std::move(product.steps[0].program), {weights, tiles, products}},
                  {std::move(last), std::move(operands)}};
    for (const LoweredStep& step : task.steps) {
      TW_RETURN_IF_ERROR(CheckLaunch(LaunchOf(step.program), GpuTraitsOf(target).limits));
    }
    return task;
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    using enum ThreadAxis;
    SimtForm form{.compute = WinogradProduct(ShapeOf(w)), .staged = {0, 1}};
    form.axes = {{.knob = "tile_b", .block = kBlockZ, .thread = kThreadZ, .only_blocks = true},
                 {"tile_y", 4, kBlockY, kThreadY},
                 {"tile_x", 4, kBlockX, kThreadX}};
    form.reduce = {{"tile_rc"}};
    form.unroll_steps = {0, 128, 1500};
    return form;
  }
};

}  // namespace

const Template& conv2d_nchw_winograd_cuda() {
  static const Conv2dNchwWinograd instance;
  return instance;
}

}  // namespace tilewright
