#include "compiler/onnx/zoo/layers.h"

#include <cmath>

namespace tilewright::zoo {
namespace {

// Extent of a sliding window's output (ONNX Conv and pooling operators).
int64_t Windows(int64_t extent, const PoolSpec& window) {
  const int64_t room = extent + 2 * window.pad - window.kernel;
  if (room < 0) return 0;
  return (room + (window.ceil ? window.stride - 1 : 0)) / window.stride + 1;
}

Value Pool(ModelWriter& net, const std::string& op, const Value& x, const PoolSpec& spec) {
  const auto out = [&](size_t axis) { return Windows(x.shape[axis], spec); };
  Attributes attributes = {{"ceil_mode", int64_t{spec.ceil}},
                           {"kernel_shape", std::vector<int64_t>{spec.kernel, spec.kernel}},
                           {"pads", std::vector<int64_t>(4, spec.pad)},
                           {"strides", std::vector<int64_t>{spec.stride, spec.stride}}};
  if (op == "AveragePool") attributes.push_back({"count_include_pad", int64_t{1}});
  return net.Node(
      {op, x.name + "/" + op, {x}, {x.shape[0], x.shape[1], out(2), out(3)}, attributes});
}

ModelWriter::Normal HeNormal(double gain, int64_t fan_in) {
  return {.deviation = std::sqrt(gain / static_cast<double>(fan_in))};
}

constexpr ModelWriter::Normal kBias = {.deviation = 0.05};

}  // namespace

Value Conv(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec) {
  const auto [kh, kw] = spec.kernel;
  const int64_t group_channels = x.shape[1] / spec.groups;
  const auto reach = [&](int64_t kernel) { return (kernel - 1) * spec.dilation + 1; };
  std::vector<Value> inputs = {
      x, net.Parameter(name + ".weight", {spec.channels, group_channels, kh, kw},
                       HeNormal(spec.gain, group_channels * kh * kw))};
  if (spec.bias) {
    inputs.push_back(net.Parameter(name + ".bias", {spec.channels},
                                   {.mean = spec.bias_mean, .deviation = kBias.deviation}));
  }
  return net.Node(
      {"Conv",
       name,
       inputs,
       {x.shape[0], spec.channels, Windows(x.shape[2], {reach(kh), spec.stride, spec.pad[0]}),
        Windows(x.shape[3], {reach(kw), spec.stride, spec.pad[1]})},
       {{"dilations", std::vector<int64_t>{spec.dilation, spec.dilation}},
        {"group", spec.groups},
        {"kernel_shape", std::vector<int64_t>{kh, kw}},
        {"pads", std::vector<int64_t>{spec.pad[0], spec.pad[1], spec.pad[0], spec.pad[1]}},
        {"strides", std::vector<int64_t>{spec.stride, spec.stride}}}});
}

Value ConvRelu(ModelWriter& net, const Value& x, const std::string& name, ConvSpec spec) {
  spec.bias = true;
  return Relu(net, Conv(net, x, name, spec));
}

Value BatchNorm(ModelWriter& net, const Value& x, const std::string& name, const NormSpec& spec) {
  const Shape shape = {x.shape[1]};
  const Value scale =
      net.Parameter(name + ".weight", shape, {.mean = spec.scale, .deviation = 0.05 * spec.scale});
  const Value bias = net.Parameter(name + ".bias", shape, kBias);
  const Value mean = net.Statistic(name + ".running_mean", shape, {.deviation = 0.05});
  const Value variance =
      net.Statistic(name + ".running_var", shape, {.mean = 1, .deviation = 0.05});
  return net.Node({"BatchNormalization",
                   name,
                   {x, scale, bias, mean, variance},
                   x.shape,
                   {{"epsilon", spec.epsilon}}});
}

Value ConvBn(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec) {
  return BatchNorm(net, Conv(net, x, name, spec), name + ".bn", spec.norm);
}

Value ConvBnRelu(ModelWriter& net, const Value& x, const std::string& name, const ConvSpec& spec) {
  return Relu(net, ConvBn(net, x, name, spec));
}

Value Relu(ModelWriter& net, const Value& x) {
  return net.Node({"Relu", x.name + "/Relu", {x}, x.shape});
}

Value Relu6(ModelWriter& net, const Value& x) {
  const std::string name = x.name + "/Clip";
  return net.Node({"Clip",
                   name,
                   {x, net.Scalar(name + ".min", 0.0f), net.Scalar(name + ".max", 6.0f)},
                   x.shape});
}

Value Sigmoid(ModelWriter& net, const Value& x) {
  return net.Node({"Sigmoid", x.name + "/Sigmoid", {x}, x.shape});
}

Value HardSigmoid(ModelWriter& net, const Value& x) {
  return net.Node({"HardSigmoid",
                   x.name + "/HardSigmoid",
                   {x},
                   x.shape,
                   {{"alpha", 1.0f / 6}, {"beta", 0.5f}}});
}

Value HardSwish(ModelWriter& net, const Value& x) {
  return net.Node({"HardSwish", x.name + "/HardSwish", {x}, x.shape});
}

Value Silu(ModelWriter& net, const Value& x) {
  return Mul(net, x, Sigmoid(net, x), x.name + "/Mul");
}

Value Softmax(ModelWriter& net, const Value& x) {
  return net.Node({"Softmax", x.name + "/Softmax", {x}, x.shape, {{"axis", int64_t{-1}}}});
}

Value Flatten(ModelWriter& net, const Value& x) {
  int64_t rest = 1;
  for (size_t axis = 1; axis < x.shape.size(); ++axis) rest *= x.shape[axis];
  return net.Node(
      {"Flatten", x.name + "/Flatten", {x}, {x.shape[0], rest}, {{"axis", int64_t{1}}}});
}

Value MaxPool(ModelWriter& net, const Value& x, const PoolSpec& spec) {
  return Pool(net, "MaxPool", x, spec);
}

Value AveragePool(ModelWriter& net, const Value& x, const PoolSpec& spec) {
  return Pool(net, "AveragePool", x, spec);
}

Value GlobalAveragePool(ModelWriter& net, const Value& x) {
  return net.Node(
      {"GlobalAveragePool", x.name + "/GlobalAveragePool", {x}, {x.shape[0], x.shape[1], 1, 1}});
}

Value Add(ModelWriter& net, const Value& a, const Value& b, const std::string& name) {
  return net.Node({"Add", name, {a, b}, a.shape});
}

Value Mul(ModelWriter& net, const Value& a, const Value& b, const std::string& name) {
  return net.Node({"Mul", name, {a, b}, a.shape});
}

Value Concat(ModelWriter& net, const std::vector<Value>& parts, const std::string& name) {
  Shape shape = parts.front().shape;
  shape[1] = 0;
  for (const Value& part : parts) shape[1] += part.shape[1];
  return net.Node({"Concat", name, parts, shape, {{"axis", int64_t{1}}}});
}

Value Slice(ModelWriter& net, const Value& x, const std::string& name, const SliceSpec& spec) {
  const auto& [axis, from, to] = spec;
  Shape shape = x.shape;
  shape[static_cast<size_t>(axis)] = to - from;
  return net.Node({"Slice",
                   name,
                   {x, net.Integers(name + ".starts", {from}), net.Integers(name + ".ends", {to}),
                    net.Integers(name + ".axes", {axis})},
                   shape});
}

Value Reshape(ModelWriter& net, const Value& x, const std::string& name, Shape shape) {
  return net.Node({"Reshape", name, {x, net.Integers(name + ".shape", shape)}, shape});
}

Value Transpose(ModelWriter& net, const Value& x, const std::string& name,
                const std::vector<int64_t>& order) {
  Shape shape;
  for (const int64_t axis : order) shape.push_back(x.shape[static_cast<size_t>(axis)]);
  return net.Node({"Transpose", name, {x}, shape, {{"perm", order}}});
}

Value Resize(ModelWriter& net, const Value& x, const std::string& name, const ResizeSpec& spec) {
  const bool nearest = spec.mode == "nearest";
  const Shape shape = {x.shape[0], x.shape[1], spec.like.shape[2], spec.like.shape[3]};
  Attributes attributes = {
      {"coordinate_transformation_mode", std::string(nearest ? "asymmetric" : "half_pixel")},
      {"mode", spec.mode}};
  if (nearest) attributes.push_back({"nearest_mode", std::string("floor")});
  const Value none = {"", {}};
  return net.Node(
      {"Resize", name, {x, none, none, net.Integers(name + ".sizes", shape)}, shape, attributes});
}

Value Dense(ModelWriter& net, const Value& x, const std::string& name, const DenseSpec& spec) {
  const int64_t units = spec.units;
  const Value weight =
      net.Parameter(name + ".weight", {units, x.shape[1]}, HeNormal(spec.gain, x.shape[1]));
  const Value bias = net.Parameter(name + ".bias", {units}, kBias);
  return net.Node({"Gemm", name, {x, weight, bias}, {x.shape[0], units}, {{"transB", int64_t{1}}}});
}

}  // namespace tilewright::zoo
