// Channels of a definition are computed with logical indices and then mapped to the
// layouts, so that blocks may be cut differently in data, weight and output, and groups need not
// be multiples of a block.
#include "compiler/operators/support/convolution.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/operators/support/definition.h"
#include "compiler/operators/support/physical.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

struct Conv {
  explicit Conv(const Workload& w)
      : data_shape(w.inputs[0].shape),
        weight_shape(w.inputs[1].shape),
        out_shape(OutputShape(w)),
        data_layout(LayoutNamed(w.data_layout, "NCHW")),
        weight_layout(LayoutNamed(w.weight_layout, "OIHW")),
        out_layout(LayoutNamed(w.out_layout, "NCHW")),
        strides(w.Attr("strides")),
        padding(w.Attr("padding")),
        dilation(w.Attr("dilation")),
        groups(w.Attr("groups")[0]) {}

  int64_t in_per_group() const { return weight_shape[1]; }
  // Channels the reduction runs over: with the padding lanes that both data and weight hold (zeros
  // in the weight), as every schedule over whole blocks does.
  int64_t reduced() const {
    if (groups > 1) return in_per_group();
    return std::min(PaddedExtent(data_layout, 'C', data_shape[1]),
                    PaddedExtent(weight_layout, 'I', weight_shape[1]));
  }
  int64_t out_per_group() const { return weight_shape[0] / groups; }

  Shape data_shape, weight_shape, out_shape;
  Layout data_layout, weight_layout, out_layout;
  Shape strides, padding, dilation;
  int64_t groups;
};

// Position in the input along one spatial dimension, and when it lies inside.
struct Tap {
  Expr position;
  Expr inside;  // null = always
};

Tap TapOf(const Conv& conv, size_t d, const Expr& out, const Expr& kernel) {
  const int64_t stride = conv.strides[d], dilation = conv.dilation[d];
  const int64_t pad = conv.padding[d], extent = conv.data_shape[2 + d];
  Tap tap{.position = out * stride + kernel * dilation - pad};
  const int64_t last =
      (conv.out_shape[2 + d] - 1) * stride + (conv.weight_shape[2 + d] - 1) * dilation - pad;
  if (pad > 0) tap.inside = Le(Int(0), tap.position);
  if (last >= extent) tap.inside = And(tap.inside, Lt(tap.position, Int(extent)));
  return tap;
}

// The output's padding lanes are computed like the others (the weight's padding is zero) unless
// they would read past a buffer that is padded less; then they are excluded.
Expr ChannelGuard(const Conv& conv, const Expr& channel) {
  const int64_t real = conv.out_shape[1];
  const int64_t padded = PaddedExtent(conv.out_layout, 'C', real);
  const int64_t group = (padded - 1) / conv.out_per_group();
  const int64_t last_read = conv.groups == 1
                                ? conv.in_per_group() - 1
                                : group * conv.in_per_group() + conv.in_per_group() - 1;
  const bool readable = last_read < PaddedExtent(conv.data_layout, 'C', conv.data_shape[1]) &&
                        padded <= PaddedExtent(conv.weight_layout, 'O', real);
  return readable ? nullptr : Lt(channel, Int(real));
}

// First input channel of the group that an output channel belongs to.
Expr GroupStart(const Conv& conv, const Expr& channel) {
  if (conv.groups == 1) return Int(0);
  return FloorDiv(channel, conv.out_per_group()) * conv.in_per_group();
}

}  // namespace

std::vector<AttributeRule> ConvolutionAttributes() {
  return {{"strides", 2, 1}, {"padding", 4, 0}, {"dilation", 2, 1}, {"groups", 1, 1}};
}

absl::Status BadWorkload(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("workload: ", Sv(what)));
}

absl::Status ChannelsDisagree(const Workload& w) {
  return BadWorkload(absl::StrCat("channels disagree: data ", ToString(w.inputs[0]), ", weight ",
                                  ToString(w.inputs[1]), ", groups ", GroupsOf(w)));
}

int64_t WindowOf(const Workload& w, size_t d) {
  return w.Attr("dilation")[d] * (WeightShape(w)[2 + d] - 1) + 1;
}

namespace {

Shape ConvolutionOutput(const Workload& w) {
  const auto extent = [&](size_t d) {
    const Shape& pad = w.Attr("padding");
    const int64_t room = DataShape(w)[2 + d] + pad[d] + pad[d + 2] - WindowOf(w, d);
    return room < 0 ? 0 : room / w.Attr("strides")[d] + 1;
  };
  return {DataShape(w)[0], WeightShape(w)[0], extent(0), extent(1)};
}

double ConvolutionMultiplyAdds(const Workload& w) {
  const Shape& weight = WeightShape(w);
  return static_cast<double>(NumElements(ConvolutionOutput(w))) * weight[1] * weight[2] * weight[3];
}

Compute DefineConvolution(const Workload& w) {
  const Conv conv(w);
  Compute compute = StartCompute(w);
  compute.axes = PhysicalAxes(conv.out_layout, conv.out_shape, {"n", "co", "oh", "ow"});
  const std::vector<Expr> out = ToLogical(conv.out_layout, Vars(compute.axes));
  const Expr channel = out[1];
  Expr ic = Int(0);
  if (w.op == "conv2d") {
    compute.reduce.push_back({.var = Var("ic"), .extent = conv.reduced()});
    ic = compute.reduce.back().var;
  }
  const Axis kh{.var = Var("kh"), .extent = conv.weight_shape[2]};
  const Axis kw{.var = Var("kw"), .extent = conv.weight_shape[3]};
  compute.reduce.insert(compute.reduce.end(), {kh, kw});
  const Tap h = TapOf(conv, 0, out[2], kh.var);
  const Tap v = TapOf(conv, 1, out[3], kw.var);
  compute.predicate = And(ChannelGuard(conv, channel), And(h.inside, v.inside));
  const std::vector<Expr> data = {out[0], GroupStart(conv, channel) + ic, h.position, v.position};
  const std::vector<Expr> weight = {channel, ic, kh.var, kw.var};
  compute.body = Product(w, Load(compute.inputs[0], ToPhysical(conv.data_layout, data)),
                         Load(compute.inputs[1], ToPhysical(conv.weight_layout, weight)));
  FinishCompute(w, channel, &compute);
  return compute;
}

}  // namespace

absl::Status CheckWindow(const Workload& w) {
  const Shape out = ConvolutionOutput(w);
  if (out[2] >= 1 && out[3] >= 1) return absl::OkStatus();
  return BadWorkload("the kernel window is larger than the padded input");
}

OperatorDef ConvolutionDef(std::string_view weight_blocks, absl::Status (*check)(const Workload&),
                           std::optional<WorkloadLayouts> (*blocked)(const Workload&, int64_t)) {
  return {.data = {"NCHW", "C"},
          .weight = {"OIHW", weight_blocks},
          .out = {"NCHW", "C"},
          .attributes = ConvolutionAttributes(),
          .channel = 1,
          .pads_with_zeros = true,
          .check = check,
          .output_shape = ConvolutionOutput,
          .multiply_adds = ConvolutionMultiplyAdds,
          .define = DefineConvolution,
          .blocked = blocked};
}

}  // namespace tilewright
