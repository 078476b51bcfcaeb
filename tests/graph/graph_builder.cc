#include "tests/graph/graph_builder.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "compiler/core/relative_error.h"
#include "compiler/loop/interpret.h"
#include "compiler/operators/define.h"
#include "gtest/gtest.h"

namespace tilewright::graph_testing {
namespace {

Tensor RandomTensor(const Shape& shape, double lo, double hi, Rng& rng) {
  Tensor tensor({.dtype = DType::kF32, .shape = shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.as<float>()[i] = static_cast<float>(rng.Uniform(lo, hi));
  }
  return tensor;
}

std::vector<Expr> Broadcast(const Buffer& buffer, const std::vector<Expr>& axes) {
  std::vector<Expr> indices;
  const size_t skip = axes.size() - buffer->shape.size();
  for (size_t d = 0; d < buffer->shape.size(); ++d) {
    indices.push_back(buffer->shape[d] == 1 ? Int(0) : axes[skip + d]);
  }
  return indices;
}

}  // namespace

ValueId GraphBuilder::Input(const std::string& name, Shape shape) {
  graph_.inputs.push_back(graph_.AddValue(name, {DType::kF32, std::move(shape)}));
  return graph_.inputs.back();
}

ValueId GraphBuilder::Constant(const std::string& name, Shape shape, bool positive) {
  return graph_.AddConstant(name,
                            RandomTensor(shape, positive ? 0.5 : -1, positive ? 1.5 : 1, rng_));
}

ValueId GraphBuilder::Scalar(const std::string& name, double value) {
  return graph_.AddConstant(name, Tensor({DType::kF32, {}}, std::vector<float>{float(value)}));
}

ValueId GraphBuilder::Conv(const std::string& name, ValueId data, const ConvShape& c) {
  const int64_t in = ShapeOf(data)[1];
  const bool depthwise = c.groups == in && c.groups > 1;
  const ValueId weight =
      Constant(name + "_weight", {c.channels, in / c.groups, c.kernel, c.kernel});
  const Workload workload{.op = depthwise ? "depthwise_conv2d" : "conv2d",
                          .inputs = {graph_.values[data].type, graph_.values[weight].type},
                          .attrs = {{"strides", {c.stride, c.stride}},
                                    {"padding", {c.pad, c.pad, c.pad, c.pad}},
                                    {"dilation", {1, 1}},
                                    {"groups", {c.groups}}},
                          .data_layout = "NCHW",
                          .weight_layout = "OIHW",
                          .out_layout = "NCHW"};
  return graph_.AddTunable(name, workload.op, {data, weight}, workload);
}

ValueId GraphBuilder::ConvTranspose(const std::string& name, ValueId data, const ConvShape& c) {
  const int64_t in = ShapeOf(data)[1];
  const ValueId weight =
      Constant(name + "_weight", {in, c.channels / c.groups, c.kernel, c.kernel});
  const Workload workload{.op = "conv2d_transpose",
                          .inputs = {graph_.values[data].type, graph_.values[weight].type},
                          .attrs = {{"strides", {c.stride, c.stride}},
                                    {"padding", {c.pad, c.pad, c.pad, c.pad}},
                                    {"dilation", {1, 1}},
                                    {"groups", {c.groups}},
                                    {"output_padding", {0, 0}}},
                          .data_layout = "NCHW",
                          .weight_layout = "IOHW",
                          .out_layout = "NCHW"};
  return graph_.AddTunable(name, workload.op, {data, weight}, workload);
}

ValueId GraphBuilder::Dense(const std::string& name, ValueId data, int64_t outputs) {
  const ValueId weight = Constant(name + "_weight", {outputs, ShapeOf(data)[1]});
  const Workload workload{.op = "dense",
                          .inputs = {graph_.values[data].type, graph_.values[weight].type},
                          .weight_layout = "NK"};
  return graph_.AddTunable(name, "dense", {data, weight}, workload);
}

ValueId GraphBuilder::BatchMatmul(const std::string& name, ValueId x, ValueId y) {
  const Workload workload{.op = "batch_matmul",
                          .inputs = {graph_.values[x].type, graph_.values[y].type}};
  return graph_.AddTunable(name, workload.op, {x, y}, workload);
}

ValueId GraphBuilder::Map(const std::string& op, std::vector<ValueId> inputs, Shape shape,
                          const Body& body) {
  Compute compute{.name = op};
  compute.inputs = InputBuffers(graph_, inputs);
  compute.output = MakeBuffer("out", DType::kF32, shape);
  compute.axes = MakeAxes(shape, "a");
  compute.body = body(Vars(compute.axes), compute.inputs);
  return graph_.AddNode(op, op, std::move(inputs), std::move(compute));
}

ValueId GraphBuilder::Unary(const std::string& op, ValueId x, const std::function<Expr(Expr)>& f) {
  return Map(op, {x}, ShapeOf(x),
             [&](const auto& axes, const auto& in) { return f(Load(in[0], axes)); });
}

ValueId GraphBuilder::Binary(const std::string& op, ValueId x, ValueId y,
                             const std::function<Expr(Expr, Expr)>& f) {
  Shape shape = ShapeOf(x);
  for (size_t d = 0; d < ShapeOf(y).size(); ++d) {
    int64_t& extent = shape[shape.size() - ShapeOf(y).size() + d];
    extent = std::max(extent, ShapeOf(y)[d]);
  }
  return Map(op, {x, y}, shape, [&](const auto& axes, const auto& in) {
    return f(Load(in[0], Broadcast(in[0], axes)), Load(in[1], Broadcast(in[1], axes)));
  });
}

ValueId GraphBuilder::Relu(ValueId x) {
  return Unary("relu", x, [](Expr e) { return Max(e, Float(0)); });
}

ValueId GraphBuilder::Add(ValueId x, ValueId y) {
  return Binary("add", x, y, [](Expr a, Expr b) { return a + b; });
}

ValueId GraphBuilder::Bias(ValueId x) {
  const ValueId bias = Constant("bias", {ShapeOf(x)[1]});
  return Map("bias_add", {x, bias}, ShapeOf(x), [](const auto& axes, const auto& in) {
    return Load(in[0], axes) + Load(in[1], {axes[1]});
  });
}

ValueId GraphBuilder::BatchNorm(ValueId x) {
  const Shape channels = {ShapeOf(x)[1]};
  const std::vector<ValueId> inputs = {x, Constant("scale", channels), Constant("shift", channels),
                                       Constant("mean", channels),
                                       Constant("variance", channels, true)};
  return Map("batch_norm", inputs, ShapeOf(x), [](const auto& axes, const auto& in) {
    const auto at = [&](size_t i) { return Load(in[i], {axes[1]}); };
    const Expr deviation = Call("sqrt", {at(4) + Float(1e-5)}, DType::kF32);
    const Expr scale = tilewright::Binary(BinaryOp::kDiv, at(1), deviation);
    return (Load(in[0], axes) - at(3)) * scale + at(2);
  });
}

ValueId GraphBuilder::Reshape(ValueId x, Shape shape) {
  const Shape from = ShapeOf(x);
  return Map("reshape", {x}, shape, [&](const auto& axes, const auto& in) {
    Expr flat = Int(0);
    for (size_t d = 0; d < shape.size(); ++d) flat = flat * shape[d] + axes[d];
    std::vector<Expr> indices(from.size());
    for (size_t d = from.size(); d-- > 0;) {
      indices[d] = FloorMod(flat, from[d]);
      flat = FloorDiv(flat, from[d]);
    }
    return Load(in[0], indices);
  });
}

ValueId GraphBuilder::Transpose(ValueId x, std::vector<size_t> permutation) {
  Shape shape;
  for (size_t d : permutation) shape.push_back(ShapeOf(x)[d]);
  return Map("transpose", {x}, shape, [&](const auto& axes, const auto& in) {
    std::vector<Expr> indices(axes.size());
    for (size_t d = 0; d < axes.size(); ++d) indices[permutation[d]] = axes[d];
    return Load(in[0], indices);
  });
}

ValueId GraphBuilder::Pad(ValueId x, int64_t p) {
  const Shape from = ShapeOf(x);
  const Shape to = {from[0], from[1], from[2] + 2 * p, from[3] + 2 * p};
  return Map("pad", {x}, to, [&](const auto& axes, const auto& in) {
    Expr inside;
    for (size_t d : {2, 3}) {
      inside = And(inside, And(Le(Int(p), axes[d]), Lt(axes[d], Int(p + from[d]))));
    }
    return Select(inside, Load(in[0], {axes[0], axes[1], axes[2] - p, axes[3] - p}), Float(0));
  });
}

ValueId GraphBuilder::Concat(ValueId x, ValueId y) {
  Shape shape = ShapeOf(x);
  const int64_t first = shape[1];
  shape[1] += ShapeOf(y)[1];
  return Map("concat", {x, y}, shape, [&](const auto& axes, const auto& in) {
    std::vector<Expr> second = axes;
    second[1] = axes[1] - first;
    return Select(Lt(axes[1], Int(first)), Load(in[0], axes), Load(in[1], second));
  });
}

ValueId GraphBuilder::MaxPool(ValueId x, int64_t kernel, int64_t stride) {
  const Shape from = ShapeOf(x);
  const int64_t height = (from[2] - kernel) / stride + 1, width = (from[3] - kernel) / stride + 1;
  Compute compute{.name = "max_pool"};
  compute.inputs = InputBuffers(graph_, {x});
  compute.output = MakeBuffer("out", DType::kF32, {from[0], from[1], height, width});
  compute.axes = MakeAxes(compute.output->shape, "a");
  compute.reduce = MakeAxes({kernel, kernel}, "k");
  compute.reducer = Reducer::kMax;
  const std::vector<Expr> a = Vars(compute.axes), k = Vars(compute.reduce);
  compute.body = Load(compute.inputs[0], {a[0], a[1], a[2] * stride + k[0], a[3] * stride + k[1]});
  return graph_.AddNode("max_pool", "max_pool", {x}, std::move(compute));
}

ValueId GraphBuilder::GlobalAveragePool(ValueId x) {
  const Shape from = ShapeOf(x);
  Compute compute{.name = "global_avg_pool"};
  compute.inputs = InputBuffers(graph_, {x});
  compute.output = MakeBuffer("out", DType::kF32, {from[0], from[1], 1, 1});
  compute.axes = MakeAxes(compute.output->shape, "a");
  compute.reduce = MakeAxes({from[2], from[3]}, "k");
  compute.reducer = Reducer::kSum;
  const std::vector<Expr> a = Vars(compute.axes), k = Vars(compute.reduce);
  compute.body = Load(compute.inputs[0], {a[0], a[1], k[0], k[1]});
  compute.acc = Var("acc", DType::kF32);
  compute.result = compute.acc * Float(1.0 / static_cast<double>(from[2] * from[3]));
  return graph_.AddNode("global_avg_pool", "global_avg_pool", {x}, std::move(compute));
}

ValueId GraphBuilder::ReduceLast(const std::string& op, Reducer reducer, ValueId x) {
  Shape shape = ShapeOf(x);
  Compute compute{.name = op};
  compute.inputs = InputBuffers(graph_, {x});
  compute.reduce = MakeAxes({shape.back()}, "k");
  shape.back() = 1;
  compute.output = MakeBuffer("out", DType::kF32, shape);
  compute.axes = MakeAxes(shape, "a");
  compute.reducer = reducer;
  std::vector<Expr> at = Vars(compute.axes);
  at.back() = compute.reduce[0].var;
  compute.body = Load(compute.inputs[0], at);
  return graph_.AddNode(op, op, {x}, std::move(compute));
}

ValueId GraphBuilder::Softmax(ValueId x, bool empty_rows) {
  const Expr none = InitialValue(Reducer::kMax, DType::kF32), zero = Float(0);
  const ValueId maximum = ReduceLast("max", Reducer::kMax, x);
  const ValueId exps = Binary("exp", x, maximum, [&](const Expr& v, const Expr& m) {
    const Expr shift = empty_rows ? Select(Eq(m, none), zero, m) : m;
    return Call("exp", {v - shift}, DType::kF32);
  });
  const ValueId sum = ReduceLast("sum", Reducer::kSum, exps);
  return Binary("softmax", exps, sum, [&](const Expr& e, const Expr& s) {
    const Expr quotient = tilewright::Binary(BinaryOp::kDiv, e, s);
    return empty_rows ? Select(Eq(s, zero), zero, quotient) : quotient;
  });
}

Graph GraphBuilder::Finish(const std::vector<ValueId>& outputs) {
  graph_.outputs = outputs;
  graph_.output_names.clear();
  for (size_t i = 0; i < outputs.size(); ++i) {
    graph_.output_names.push_back(absl::StrCat("y", i));
  }
  TW_CHECK(Verify(graph_).ok()) << Verify(graph_).message();
  return graph_;
}

Tensor EvaluateCompute(const Compute& compute, std::vector<Tensor> inputs) {
  inputs.emplace_back(TensorType{compute.output->dtype, compute.output->shape});
  const absl::Status status = Interpret(LowerPlain(compute), inputs);
  TW_CHECK(status.ok()) << compute.name << ": " << status.message();
  return inputs.back();
}

std::vector<Tensor> Evaluate(const Graph& graph, uint64_t seed) {
  Rng rng(seed);
  std::vector<Tensor> tensors(graph.values.size());
  for (size_t id = 0; id < tensors.size(); ++id) tensors[id] = graph.values[id].constant;
  for (ValueId id : graph.inputs) {
    tensors[id] = RandomTensor(graph.values[id].type.shape, -1, 1, rng);
  }
  for (const Node& node : graph.nodes) {
    std::vector<Tensor> inputs;
    for (ValueId id : node.inputs) inputs.push_back(tensors[id]);
    tensors[node.output] = EvaluateCompute(node.compute, std::move(inputs));
  }
  std::vector<Tensor> outputs;
  for (ValueId id : graph.outputs) outputs.push_back(tensors[id]);
  return outputs;
}

PassContext ContextFor(const std::string& mcpu) {
  return {
      .target = {.mcpu = mcpu},
      .evaluate = [](const Compute& compute, std::vector<Tensor> inputs) -> absl::StatusOr<Tensor> {
        return EvaluateCompute(compute, std::move(inputs));
      }};
}

void RunPass(const std::string& name, Graph* graph) {
  for (const PassInfo& pass : Passes()) {
    if (pass.name != name) continue;
    const absl::Status status = pass.run(*graph, ContextFor());
    ASSERT_TRUE(status.ok()) << name << ": " << status.message();
    ASSERT_TRUE(Verify(*graph).ok()) << name << ": " << Verify(*graph).message();
    return;
  }
  FAIL() << "no pass " << name;
}

double LargestError(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  TW_CHECK(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    TW_CHECK(a[i].type() == b[i].type()) << ToString(a[i].type()) << ToString(b[i].type());
    largest = std::max(largest, RelativeError(b[i], a[i]));
  }
  return largest;
}

std::string Ops(const Graph& graph) {
  return absl::StrJoin(graph.nodes, " ", [](std::string* out, const Node& node) {
    absl::StrAppend(out, node.op,
                    node.workload ? EpilogueText(node.workload->epilogue) : std::string());
  });
}

}  // namespace tilewright::graph_testing
