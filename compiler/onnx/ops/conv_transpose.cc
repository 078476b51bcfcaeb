// ConvTranspose: with one or two spatial dimensions a tunable workload (one is an image of one
// row), otherwise a gather: every output sums the taps whose stride hits it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/convolve.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/window.h"

namespace tilewright::onnx_ops {
namespace {

struct Deconv {
  Shape data, weight;  // [N,C,spatial...], [C,O/groups,kernel...]
  int64_t groups = 1;
  Shape strides, dilations, pads_begin, output;

  size_t spatial() const { return data.size() - 2; }
  // Stride times the input position that tap k of output position o reads, if it divides.
  Expr Scaled(const Point& p, size_t d) const {
    return p.axes[2 + d] + pads_begin[d] - p.reduce[1 + d] * dilations[d];
  }
};

// Chooses pads from the output's size, or the size from the pads.
absl::Status ReadOutput(OpBuilder& b, Deconv& c) {
  const size_t n = c.spatial();
  const Shape extra = b.Ints("output_padding", Shape(n, 0));
  const Shape pads = b.Ints("pads", Shape(2 * n, 0));
  TW_RETURN_IF_ERROR(CheckWindowValues(extra, n, 0, "output_padding"));
  TW_RETURN_IF_ERROR(CheckWindowValues(pads, 2 * n, 0, "pads"));
  const std::string mode = b.Str("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  Shape wanted = b.Ints("output_shape", {});
  if (wanted.empty() && same) {
    for (size_t d = 0; d < n; ++d) wanted.push_back(c.data[2 + d] * c.strides[d]);
  }
  if (!wanted.empty()) TW_RETURN_IF_ERROR(CheckWindowValues(wanted, n, 1, "output_shape"));
  for (size_t d = 0; d < n; ++d) {
    const int64_t span = (c.weight[2 + d] - 1) * c.dilations[d] + 1;
    const int64_t whole = c.strides[d] * (c.data[2 + d] - 1) + extra[d] + span;
    const int64_t total = wanted.empty() ? pads[d] + pads[n + d] : whole - wanted[d];
    c.output.push_back(whole - total);
    const int64_t half = mode == "SAME_LOWER" ? total - total / 2 : total / 2;
    c.pads_begin.push_back(wanted.empty() ? pads[d] : half);
    if (c.output[d] < 1) return absl::InvalidArgumentError("the pads leave no output");
  }
  return absl::OkStatus();
}

absl::StatusOr<Deconv> ReadDeconv(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, kMaxRank));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), b.RankOf(b.Input(0)), b.RankOf(b.Input(0))));
  Deconv c{.data = b.ShapeOf(b.Input(0)), .weight = b.ShapeOf(b.Input(1))};
  c.groups = b.Int("group", 1);
  if (c.groups < 1 || c.data[1] % c.groups != 0 || c.weight[0] != c.data[1]) {
    return absl::InvalidArgumentError(absl::StrCat("data with ", c.data[1],
                                                   " channels, weight for ", c.weight[0],
                                                   " and group ", c.groups, " do not fit"));
  }
  const size_t n = c.spatial();
  c.strides = b.Ints("strides", Shape(n, 1));
  c.dilations = b.Ints("dilations", Shape(n, 1));
  TW_RETURN_IF_ERROR(CheckWindowValues(c.strides, n, 1, "strides"));
  TW_RETURN_IF_ERROR(CheckWindowValues(c.dilations, n, 1, "dilations"));
  TW_RETURN_IF_ERROR(ReadOutput(b, c));
  return c;
}

Expr Product(const Deconv& c, const Point& p) {
  const int64_t in_group = c.data[1] / c.groups, out_group = c.weight[1];
  const Expr group = FloorDiv(p.axes[1], out_group);
  const Expr channel = group * in_group + p.reduce[0];
  Exprs at = {p.axes[0], channel}, tap = {channel, FloorMod(p.axes[1], out_group)};
  for (size_t d = 0; d < c.spatial(); ++d) {
    at.push_back(FloorDiv(c.Scaled(p, d), c.strides[d]));
    tap.push_back(p.reduce[1 + d]);
  }
  return p.Load(0, std::move(at)) * p.Load(1, std::move(tap));
}

Expr Hits(const Deconv& c, const Point& p) {
  Expr hits;
  for (size_t d = 0; d < c.spatial(); ++d) {
    const Expr scaled = c.Scaled(p, d);
    hits = And(hits, And(Le(Int(0), scaled), Lt(scaled, Int(c.data[2 + d] * c.strides[d]))));
    hits = And(hits, Eq(FloorMod(scaled, c.strides[d]), Int(0)));
  }
  return hits;
}

// The output's size decides what remains of the padding at the end: cut off, or added.
absl::StatusOr<ValueId> Tunable(OpBuilder& b, const Deconv& c) {
  TW_ASSIGN_OR_RETURN(const ValueId data, AsImage(b, b.Input(0)));
  TW_ASSIGN_OR_RETURN(const ValueId weight, AsImage(b, b.Input(1)));
  Shape ends, added;
  for (size_t d = 0; d < c.spatial(); ++d) {
    const int64_t span = (c.weight[2 + d] - 1) * c.dilations[d] + 1;
    const int64_t whole = c.strides[d] * (c.data[2 + d] - 1) + span - c.pads_begin[d];
    ends.push_back(std::max<int64_t>(0, whole - c.output[d]));
    added.push_back(std::max<int64_t>(0, c.output[d] - whole));
  }
  Shape strides = c.strides, dilations = c.dilations, begins = c.pads_begin;
  if (c.spatial() == 1) {
    for (Shape* values : {&strides, &dilations}) values->insert(values->begin(), 1);
    for (Shape* values : {&begins, &ends, &added}) values->insert(values->begin(), 0);
  }
  return b.EmitWorkload({data, weight},
                        {.op = "conv2d_transpose",
                         .inputs = {b.TypeOf(data), b.TypeOf(weight)},
                         .attrs = {{"strides", strides},
                                   {"padding", {begins[0], begins[1], ends[0], ends[1]}},
                                   {"dilation", dilations},
                                   {"groups", {c.groups}},
                                   {"output_padding", added}},
                         .data_layout = "NCHW",
                         .weight_layout = "IOHW",
                         .out_layout = "NCHW"});
}

absl::StatusOr<ValueId> Plain(OpBuilder& b, const Deconv& c) {
  Definition d{.op = "conv_transpose",
               .inputs = {b.Input(0), b.Input(1)},
               .type = {b.DTypeOf(b.Input(0)), {c.data[0], c.weight[1] * c.groups}},
               .body = [&](const Point& p) { return Product(c, p); },
               .reducer = Reducer::kSum,
               .reduce = {c.data[1] / c.groups},
               .predicate = [&](const Point& p) { return Hits(c, p); }};
  d.type.shape.insert(d.type.shape.end(), c.output.begin(), c.output.end());
  d.reduce.insert(d.reduce.end(), c.weight.begin() + 2, c.weight.end());
  return b.Emit(std::move(d));
}

// Workloads bound their attributes; a padding chosen from the output's size may be negative.
bool IsTunable(const OpBuilder& b, const Deconv& c) {
  const auto positive = [](int64_t pad) { return pad >= 0; };
  return c.spatial() <= 2 && IsTunable(b.DTypeOf(b.Input(0))) &&
         std::all_of(c.pads_begin.begin(), c.pads_begin.end(), positive);
}

absl::StatusOr<Outputs> ConvTranspose(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Deconv c, ReadDeconv(b));
  TW_ASSIGN_OR_RETURN(ValueId product, IsTunable(b, c) ? Tunable(b, c) : Plain(b, c));
  if (b.HasInput(2)) {
    TW_RETURN_IF_ERROR(CheckSameType(b, {product, b.Input(2)}));
    TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {b.ShapeOf(product)[1]}, "bias"));
    TW_ASSIGN_OR_RETURN(product, AddChannels(b, product, b.Input(2)));
  }
  const Shape out = b.ShapeOf(product);
  return Reshape(b, product, c.spatial() == 1 ? Shape{out[0], out[1], out.back()} : out);
}

}  // namespace

OpList conv_transpose() { return {{"ConvTranspose", 1, 2, ConvTranspose, kFloats}}; }

}  // namespace tilewright::onnx_ops
