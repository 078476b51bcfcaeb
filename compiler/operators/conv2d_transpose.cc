// conv2d_transpose as a gather: every output sums the taps whose stride hits it. Channels are
// computed with logical indices and then mapped to the layouts.
#include <algorithm>

#include "compiler/operators/operators.h"
#include "compiler/operators/physical.h"

namespace tilewright {
namespace {

// Where along one spatial dimension a tap of an output reads, and when it does.
struct Source {
  Expr position, exists;
};

Source SourceOf(const Workload& w, size_t d, const Expr& out, const Expr& tap) {
  const int64_t stride = w.Attr("strides")[d], extent = w.inputs[0].shape[2 + d];
  const Expr reach = out + w.Attr("padding")[d] - tap * w.Attr("dilation")[d];
  const Expr inside = And(Le(Int(0), reach), Lt(reach, Int(extent * stride)));
  return {FloorDiv(reach, stride), And(inside, Eq(FloorMod(reach, stride), Int(0)))};
}

}  // namespace

Compute DefineConv2dTranspose(const Workload& w) {
  const Layout data_layout = LayoutNamed(w.data_layout, "NCHW");
  const Layout weight_layout = LayoutNamed(w.weight_layout, "IOHW");
  const Layout out_layout = LayoutNamed(w.out_layout, "NCHW");
  const Shape& weight = w.inputs[1].shape;
  const int64_t groups = w.Attr("groups")[0], in_group = weight[0] / groups;
  const Shape shape = OutputShape(w);
  // Over whole blocks, as every schedule does: the weight's padding is zero.
  const int64_t reduced = groups > 1 ? in_group
                                     : std::min(PaddedExtent(data_layout, 'C', weight[0]),
                                                PaddedExtent(weight_layout, 'I', weight[0]));
  Compute compute = StartCompute(w);
  compute.axes = PhysicalAxes(out_layout, shape, {"n", "co", "oh", "ow"});
  compute.reduce = {{.var = Var("ic"), .extent = reduced},
                    {.var = Var("kh"), .extent = weight[2]},
                    {.var = Var("kw"), .extent = weight[3]}};
  const std::vector<Expr> out = ToLogical(out_layout, Vars(compute.axes));
  const std::vector<Expr> r = Vars(compute.reduce);
  const Expr channel = out[1];
  const Expr in = groups == 1 ? r[0] : FloorDiv(channel, weight[1]) * in_group + r[0];
  const Expr within = groups == 1 ? channel : FloorMod(channel, weight[1]);
  const Source h = SourceOf(w, 0, out[2], r[1]), v = SourceOf(w, 1, out[3], r[2]);
  compute.predicate = And(h.exists, v.exists);
  // Padding lanes of the output have no weights where the weight is padded less.
  const bool readable = PaddedExtent(out_layout, 'C', shape[1]) <=
                        PaddedExtent(weight_layout, 'O', weight[1]) * groups;
  if (!readable) compute.predicate = And(Lt(channel, Int(shape[1])), compute.predicate);
  compute.body =
      Load(compute.inputs[0], ToPhysical(data_layout, {out[0], in, h.position, v.position})) *
      Load(compute.inputs[1], ToPhysical(weight_layout, {in, within, r[1], r[2]}));
  FinishCompute(w, channel, &compute);
  return compute;
}

}  // namespace tilewright
