// Transposed convolution on a GPU, plain NCHW: the data, dilated by the strides and padded, is
// convolved with the kernel turned around; each tap of the kernel is a stage of its own, into which
// zeros are copied where the dilated data has none. AutoTVM's template of this name, knob for knob
// (apache/tvm v0.18, topi/cuda/conv2d_transpose_nchw.py), but that a block leaves out taps that
// meet only zeros, which AutoTVM multiplies: where its rows or columns are fewer than the stride.
#include <utility>
#include <vector>

#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/gpu_conv.h"

namespace tilewright {
namespace {

// The body reads the data at its dilated positions: output + padding - tap.
Compute OverDilatedData(const Workload& w) {
  const Shape shape = OutputShape(w);
  const Shape& kernel = w.inputs[1].shape;
  Compute c{.name = "conv2d_transpose"};
  c.axes = {
      {Var("n"), shape[0]}, {Var("oc"), shape[1]}, {Var("oh"), shape[2]}, {Var("ow"), shape[3]}};
  c.reduce = {{Var("ic"), kernel[0]}, {Var("kh"), kernel[2]}, {Var("kw"), kernel[3]}};
  c.reducer = Reducer::kSum;
  const Buffer data = MakeBuffer("data", w.inputs[0].dtype, w.inputs[0].shape);
  const Buffer weight = MakeBuffer("weight", w.inputs[1].dtype, kernel);
  c.inputs = {data, weight};
  c.output = MakeBuffer("out", OutputTypeOf(w), shape);
  const std::vector<Expr> at = Vars(c.axes), r = Vars(c.reduce);
  const auto position = [&](size_t d) {
    return at[2 + d] + w.Attr("padding")[d] - r[1 + d] * w.Attr("dilation")[d];
  };
  c.body = Product(w, Load(data, {at[0], r[0], position(0), position(1)}),
                   Load(weight, {r[0], at[1], r[1], r[2]}));
  FuseEpilogue(w, at[1], shape[1], &c);
  return c;
}

class Conv2dTransposeNchw final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "transposed convolution, NCHW, dilated data in shared memory (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "conv2d_transpose" && w.Attr("groups")[0] == 1 && IsPlain(w);
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    using enum ThreadAxis;
    SimtForm form{.compute = OverDilatedData(w), .staged = {0, 1}};
    const std::vector<int64_t>& strides = w.Attr("strides");
    form.dilation = {{0, {1, 1, strides[0], strides[1]}}};
    form.axes = {{"tile_n", 4, kBlockZ, kThreadZ, kThreadZ},
                 {"tile_f", 4, kBlockY, kThreadZ, kThreadY},
                 {"tile_y", 4, kBlockX, kThreadY, kThreadX},
                 {"tile_x", 4, kBlockX, kThreadX, kThreadX}};
    form.reduce = {{"tile_rc", 3, 2}, {.staging_parts = 2}, {.staging_parts = 2}};
    form.unroll_steps = {64, 512, 1500};
    form.fuse_yx = true;
    return form;
  }
};

}  // namespace

const Template& conv2d_transpose_nchw_cuda() {
  static const Conv2dTransposeNchw instance;
  return instance;
}

}  // namespace tilewright
