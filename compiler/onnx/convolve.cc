#include "compiler/onnx/convolve.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/window.h"

namespace tilewright {
namespace {

struct ConvShapes {
  ValueId data, weight;
  int64_t groups, in_per_group, out_per_group;
  Window window;
};

// data [N,C,spatial...], weight [O,C/groups,kernel...].
absl::StatusOr<ConvShapes> ReadConv(OpBuilder& b, ValueId data_id, ValueId weight_id) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {data_id, weight_id}));
  TW_RETURN_IF_ERROR(CheckRank(b, data_id, 3, kMaxRank));
  TW_RETURN_IF_ERROR(CheckRank(b, weight_id, b.RankOf(data_id), b.RankOf(data_id)));
  const Shape data = b.ShapeOf(data_id), weight = b.ShapeOf(weight_id);
  ConvShapes c{
      .data = data_id, .weight = weight_id, .groups = b.Int("group", 1), .in_per_group = weight[1]};
  if (c.groups < 1 || c.groups > data[1] || data[1] != c.groups * weight[1] ||
      weight[0] % c.groups != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("data with ", data[1], " channels, weight with ", weight[0], " filters of ",
                     weight[1], " channels and group ", c.groups, " do not fit"));
  }
  c.out_per_group = weight[0] / c.groups;
  const Shape kernel(weight.begin() + 2, weight.end());
  const Shape declared = b.Ints("kernel_shape", kernel);
  if (declared != kernel) {
    return absl::InvalidArgumentError("kernel_shape differs from the weight's shape");
  }
  TW_ASSIGN_OR_RETURN(c.window, ReadWindow(b, Shape(data.begin() + 2, data.end()), kernel));
  return c;
}

absl::StatusOr<ValueId> Tunable(OpBuilder& b, const ConvShapes& c) {
  TW_ASSIGN_OR_RETURN(const ValueId data, AsImage(b, c.data));
  TW_ASSIGN_OR_RETURN(const ValueId weight, AsImage(b, c.weight));
  const bool depthwise = c.in_per_group == 1 && c.out_per_group == 1 && c.groups > 1;
  Window w = c.window;
  if (w.kernel.size() == 1) {
    for (Shape* values : {&w.strides, &w.dilations}) values->insert(values->begin(), 1);
    for (Shape* values : {&w.pads_begin, &w.pads_end}) values->insert(values->begin(), 0);
  }
  Workload workload{
      .op = depthwise ? "depthwise_conv2d" : "conv2d",
      .inputs = {b.TypeOf(data), b.TypeOf(weight)},
      .attrs = {{"strides", w.strides},
                {"padding", {w.pads_begin[0], w.pads_begin[1], w.pads_end[0], w.pads_end[1]}},
                {"dilation", w.dilations},
                {"groups", {c.groups}}},
      .data_layout = "NCHW",
      .weight_layout = "OIHW",
      .out_layout = "NCHW"};
  return b.EmitWorkload({data, weight}, std::move(workload));
}

absl::StatusOr<ValueId> Plain(OpBuilder& b, const ConvShapes& c) {
  const Shape data = b.ShapeOf(c.data), weight = b.ShapeOf(c.weight);
  const Window& w = c.window;
  const size_t spatial = w.kernel.size();
  Shape out = {data[0], weight[0]};
  out.insert(out.end(), w.output.begin(), w.output.end());
  Shape reduce = {c.in_per_group};
  reduce.insert(reduce.end(), w.kernel.begin(), w.kernel.end());
  const auto position = [&](const Point& p, size_t d) {
    return w.At(d, p.axes[2 + d], p.reduce[1 + d]);
  };
  const DType type = b.DTypeOf(c.data), sum = AccumulatorOf(type);
  Definition conv{.op = "conv",
                  .inputs = {c.data, c.weight},
                  .type = {IsFloat(type) ? type : sum, out},
                  .reducer = Reducer::kSum,
                  .reduce = reduce};
  conv.body = [&](const Point& p) {
    const Expr group = FloorDiv(p.axes[1], c.out_per_group);
    Exprs at = {p.axes[0], group * c.in_per_group + p.reduce[0]};
    Exprs tap = {p.axes[1], p.reduce[0]};
    for (size_t d = 0; d < spatial; ++d) {
      at.push_back(position(p, d));
      tap.push_back(p.reduce[1 + d]);
    }
    return Cast(p.Load(0, std::move(at)), sum) * Cast(p.Load(1, std::move(tap)), sum);
  };
  conv.predicate = [&](const Point& p) {
    Expr inside;
    for (size_t d = 0; d < spatial; ++d) {
      inside = And(inside, InsideWindow(w, d, data[2 + d], position(p, d)));
    }
    return inside;
  };
  return b.Emit(std::move(conv));
}

}  // namespace

absl::StatusOr<ValueId> AsImage(OpBuilder& b, ValueId value) {
  const Shape shape = b.ShapeOf(value);
  if (shape.size() == 4) return value;
  return Reshape(b, value, {shape[0], shape[1], 1, shape[2]});
}

absl::StatusOr<ValueId> Convolve(OpBuilder& b, ValueId data, ValueId weight, ValueId bias) {
  TW_ASSIGN_OR_RETURN(const ConvShapes c, ReadConv(b, data, weight));
  const size_t spatial = c.window.kernel.size();
  const bool tunable = spatial <= 2 && IsTunable(b.DTypeOf(data));
  TW_ASSIGN_OR_RETURN(ValueId product, tunable ? Tunable(b, c) : Plain(b, c));
  if (bias != kNoValue) {
    TW_RETURN_IF_ERROR(CheckSameType(b, {product, bias}));
    TW_RETURN_IF_ERROR(CheckShapeIs(b, bias, {b.ShapeOf(product)[1]}, "bias"));
    TW_ASSIGN_OR_RETURN(product, AddChannels(b, product, bias));
  }
  const Shape out = b.ShapeOf(product);
  return Reshape(b, product, spatial == 1 ? Shape{out[0], out[1], out.back()} : out);
}

}  // namespace tilewright
