// conv2d_transpose: data [N,C,H,W], weight [C,O/groups,KH,KW]: the gradient of conv2d by its data,
// whose output extent is (H-1)*stride - padding + dilation*(KH-1) + 1 + output_padding. Layouts:
// data and output NCHW or NCHW<x>c; weight IOHW or IOHW<x>i<x>o. Defined as a gather: every output
// sums the taps whose stride hits it. Channels are computed with logical indices and then mapped to
// the layouts.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/operators/support/convolution.h"
#include "compiler/operators/support/definition.h"
#include "compiler/operators/support/physical.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

Shape TransposedOutput(const Workload& w) {
  const auto extent = [&](size_t d) {
    const Shape& pad = w.Attr("padding");
    const int64_t whole = (DataShape(w)[2 + d] - 1) * w.Attr("strides")[d] + WindowOf(w, d);
    return whole - pad[d] - pad[d + 2] + w.Attr("output_padding")[d];
  };
  return {DataShape(w)[0], WeightShape(w)[1] * GroupsOf(w), extent(0), extent(1)};
}

absl::Status CheckTransposed(const Workload& w) {
  if (WeightShape(w)[0] != DataShape(w)[1] || DataShape(w)[1] % GroupsOf(w) != 0)
    return ChannelsDisagree(w);
  const Shape out = TransposedOutput(w);
  return out[2] >= 1 && out[3] >= 1 ? absl::OkStatus()
                                    : BadWorkload("the padding leaves no output");
}

// Every input meets every tap.
double TransposedMultiplyAdds(const Workload& w) {
  const Shape& weight = WeightShape(w);
  return static_cast<double>(NumElements(DataShape(w))) * weight[1] * weight[2] * weight[3];
}

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

Compute DefineTransposed(const Workload& w) {
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
  compute.body = Product(
      w, Load(compute.inputs[0], ToPhysical(data_layout, {out[0], in, h.position, v.position})),
      Load(compute.inputs[1], ToPhysical(weight_layout, {in, within, r[1], r[2]})));
  FinishCompute(w, channel, &compute);
  return compute;
}

std::optional<WorkloadLayouts> Blocked(const Workload& w, int64_t x) {
  const int64_t in = DataShape(w)[1], out = OutputShape(w)[1];
  if (GroupsOf(w) > 1 || 2 * out < x || 2 * in < x) return std::nullopt;
  const std::string data = absl::StrCat("NCHW", x, "c");
  return WorkloadLayouts{data, absl::StrCat("IOHW", x, "i", x, "o"), data};
}

// {strides, padding, dilation, groups, output_padding {h,w}}
std::vector<AttributeRule> Attributes() {
  std::vector<AttributeRule> rules = ConvolutionAttributes();
  rules.push_back({"output_padding", 2, 0});
  return rules;
}

}  // namespace

const OperatorDef& conv2d_transpose() {
  static const auto* def = new OperatorDef{.data = {"NCHW", "C"},
                                           .weight = {"IOHW", "IO"},
                                           .out = {"NCHW", "C"},
                                           .attributes = Attributes(),
                                           .channel = 1,
                                           .weight_channel = 1,
                                           .check = CheckTransposed,
                                           .output_shape = TransposedOutput,
                                           .multiply_adds = TransposedMultiplyAdds,
                                           .define = DefineTransposed,
                                           .blocked = Blocked};
  return *def;
}

}  // namespace tilewright
