// Grouped convolution on a GPU, plain NCHW: the groups are an axis of their own, of blocks and
// virtual threads. AutoTVM's template of this name, knob for knob (apache/tvm v0.18,
// topi/cuda/group_conv2d_nchw.py), but that its schedule cuts the kernel's rows by tile_rx and the
// columns by tile_ry; here each knob cuts the axis that it was defined over.
#include <utility>
#include <vector>

#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/gpu_conv.h"

namespace tilewright {
namespace {

// Over n, group, channel of the group, row, column; no predicate: what lies outside the image is
// staged as zeros.
Compute Grouped(const Workload& w) {
  const Shape shape = OutputShape(w);
  const int64_t groups = w.Attr("groups")[0], out = shape[1] / groups;
  const Shape& kernel = w.inputs[1].shape;
  Compute c{.name = "group_conv2d"};
  c.axes = {{Var("n"), shape[0]},
            {Var("g"), groups},
            {Var("oc"), out},
            {Var("oh"), shape[2]},
            {Var("ow"), shape[3]}};
  c.reduce = {{Var("ic"), kernel[1]}, {Var("kh"), kernel[2]}, {Var("kw"), kernel[3]}};
  c.reducer = Reducer::kSum;
  const Buffer data = MakeBuffer("data", w.inputs[0].dtype, w.inputs[0].shape);
  const Buffer weight = MakeBuffer("weight", w.inputs[1].dtype, kernel);
  c.inputs = {data, weight};
  c.output = MakeBuffer("out", OutputTypeOf(w), {shape[0], groups, out, shape[2], shape[3]});
  const std::vector<Expr> at = Vars(c.axes), r = Vars(c.reduce);
  const auto input = [&](size_t d) {
    return at[3 + d] * w.Attr("strides")[d] + r[1 + d] * w.Attr("dilation")[d] -
           w.Attr("padding")[d];
  };
  const Expr channel = at[1] * out + at[2];
  c.body = Product(w, Load(data, {at[0], at[1] * kernel[1] + r[0], input(0), input(1)}),
                   Load(weight, {channel, r[0], r[1], r[2]}));
  FuseEpilogue(w, channel, shape[1], &c);
  return c;
}

class GroupConv2dNchw final : public SimtTemplate {
 public:
  std::string_view Summary() const override {
    return "grouped convolution, NCHW, tiles in shared memory and registers (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "conv2d" && w.Attr("groups")[0] > 1 && IsPlain(w);
  }

 protected:
  SimtForm FormOf(const Workload& w) const override {
    using enum ThreadAxis;
    SimtForm form{.compute = Grouped(w), .staged = {0, 1}};
    form.axes = {{"tile_n", 4, kBlockZ, kThreadZ, kThreadZ},
                 {"tile_g", 2, kBlockY},
                 {"tile_f", 4, kBlockY, kThreadZ, kThreadY},
                 {"tile_y", 4, kBlockX, kThreadY, kThreadX},
                 {"tile_x", 4, kBlockX, kThreadX, kThreadX}};
    form.reduce = {{"tile_rc"}, {"tile_ry"}, {"tile_rx"}};
    form.unroll_steps = {0, 512, 1500};
    form.fuse_yx = true;
    return form;
  }
};

}  // namespace

const Template& group_conv2d_nchw_cuda() {
  static const GroupConv2dNchw instance;
  return instance;
}

}  // namespace tilewright
