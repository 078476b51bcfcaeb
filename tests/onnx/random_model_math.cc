// The steps of random models that calculate.
#include <algorithm>
#include <cmath>

#include "tests/onnx/random_model.h"

namespace tilewright {
namespace {

std::vector<int64_t> DivisorsOf(int64_t n) {
  std::vector<int64_t> divisors;
  for (int64_t d = 1; d <= n; ++d) {
    if (n % d == 0) divisors.push_back(d);
  }
  return divisors;
}

// Weights of this size keep the outputs of a sum of `terms` about as large as its inputs.
double WeightFor(int64_t terms) { return 2 / std::sqrt(static_cast<double>(terms)); }

}  // namespace

bool RandomModel::Unary() {
  struct Kind {
    std::string op;
    double factor, offset;  // the bound becomes factor * bound + offset
    bool exact = false;
  };
  static const std::vector<Kind> kinds = {
      {"Relu", 1, 0, true}, {"Neg", 1, 0, true}, {"Abs", 1, 0, true}, {"Tanh", 0, 1},
      {"Sigmoid", 0, 1},    {"LeakyRelu", 1, 0}, {"Elu", 1, 1},       {"HardSwish", 1, 0},
      {"Softplus", 1, 0.7}, {"Softsign", 0, 1},  {"Erf", 0, 1},       {"Sin", 0, 1},
      {"Cos", 0, 1},        {"Atan", 0, 1.6},    {"Selu", 1.8, 0},    {"HardSigmoid", 0, 1},
      {"Celu", 1, 1},       {"Exp", 0, 7.5},     {"Sinh", 0, 3.7}};
  const Value x = *Pick(0, 8);
  const Kind& kind = OneOf(kinds);
  if ((kind.op == "Exp" || kind.op == "Sinh") && x.bound > 2) return false;
  Keep(Node(kind.op, {x.name}),
       {"", x.shape, kind.factor * x.bound + kind.offset, kind.exact && x.exact});
  return true;
}

bool RandomModel::Jumping() {
  const auto x = Pick(0, 8, true);
  if (!x) return false;
  Keep(Node(OneOf<std::string>({"Floor", "Ceil", "Round", "Sign"}), {x->name}),
       {"", x->shape, x->bound + 1, true});
  return true;
}

bool RandomModel::Binary() {
  const Value x = *Pick(0, 8), y = Partner(x);
  const std::string op = OneOf<std::string>({"Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean"});
  const bool extreme = op == "Max" || op == "Min";
  const double bound = op == "Mul" ? x.bound * y.bound
                       : extreme   ? std::max(x.bound, y.bound)
                                   : x.bound + y.bound;
  const bool turned = Chance(50);
  Keep(Node(op, {turned ? y.name : x.name, turned ? x.name : y.name}),
       {"", x.shape, bound, extreme && x.exact && y.exact});
  return true;
}

bool RandomModel::WithItself() {
  const Value x = *Pick(0, 8);
  std::string y = x.name;
  const int64_t kind = Between(0, 2);
  // Written out as trees, these expressions have 2^16 leaves.
  for (int64_t depth = Chance(30) ? 16 : 1; depth > 0; --depth) {
    switch (kind) {
      case 0: y = Node("Mul", {y, Node("Sigmoid", {y}).output(0)}).output(0); break;
      case 1: y = Node("Mean", {y, Node("Relu", {y}).output(0)}).output(0); break;
      case 2: y = Node("Sin", {Node("Add", {y, y}).output(0)}).output(0); break;
    }
    if (kind == 2 && depth > 4) depth = 4;  // each doubles the error
  }
  Keep(Node("Identity", {y}), {"", x.shape, std::max(x.bound, 1.0)});
  return true;
}

bool RandomModel::Chosen() {
  const auto x = Pick(0, 8, true);
  if (!x) return false;
  const Value y = Partner(*x);
  const std::string op = OneOf<std::string>({"Greater", "Less", "LessOrEqual", "Equal"});
  std::string condition = Node(op, {x->name, Weight(x->shape, -1, 1)}).output(0);
  if (Chance(30)) condition = Node("Not", {condition}).output(0);
  Keep(Node("Where", {condition, x->name, y.name}),
       {"", x->shape, std::max(x->bound, y.bound), y.exact});
  return true;
}

bool RandomModel::Reduction() {
  const auto x = Pick(1, 8);
  if (!x) return false;
  const std::string op =
      OneOf<std::string>({"ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
                          "ReduceLogSumExp", "ReduceSumSquare", "ReduceSum"});
  const bool keep = Chance(50);
  std::vector<int64_t> axes;
  Shape shape;
  int64_t terms = 1;
  for (size_t d = 0; d < x->shape.size(); ++d) {
    const bool reduced = Chance(50) || (axes.empty() && d + 1 == x->shape.size());
    if (reduced) axes.push_back(static_cast<int64_t>(d));
    if (reduced) terms *= x->shape[d];
    if (!reduced || keep) shape.push_back(reduced ? 1 : x->shape[d]);
  }
  const bool by_input = op == "ReduceSum";  // since opset 13
  onnx::NodeProto& node = by_input ? Node(op, {x->name, Ints(axes)}) : Node(op, {x->name});
  if (!by_input) SetInts(node, "axes", axes);
  SetInt(node, "keepdims", keep);
  const bool extreme = op == "ReduceMax" || op == "ReduceMin";
  const bool mean = extreme || op == "ReduceMean";
  const double power = op == "ReduceSumSquare" ? x->bound : 1;
  Keep(node, {"", shape, mean ? x->bound : x->bound * power * static_cast<double>(terms),
              extreme && x->exact});
  return true;
}

bool RandomModel::Softmax() {
  const auto x = Pick(1, 8);
  if (!x) return false;
  const bool log = Chance(40);
  onnx::NodeProto& node = Node(log ? "LogSoftmax" : "Softmax", {x->name});
  SetInt(node, "axis", Between(0, static_cast<int64_t>(x->shape.size()) - 1));
  Keep(node, {"", x->shape, log ? 2 * x->bound + 3 : 1});
  return true;
}

bool RandomModel::Normalization() {
  const auto x = Pick(3, 4);
  if (!x) return false;
  const Shape channels = {x->shape[1]};
  const std::string scale = Weight(channels, 0.5, 1.5), shift = Weight(channels, -1, 1);
  // A large epsilon, or errors in values that are nearly all equal are blown up.
  switch (Between(0, x->shape.size() == 4 ? 3 : 2)) {
    case 0:
      Keep(Node("BatchNormalization",
                {x->name, scale, shift, Weight(channels, -1, 1), Weight(channels, 0.5, 1.5)}),
           {"", x->shape, 2 * x->bound + 3});
      return true;
    case 1: {
      onnx::NodeProto& node = Node("InstanceNormalization", {x->name, scale, shift});
      SetFloat(node, "epsilon", 0.1f);
      Keep(node, {"", x->shape, 5});
      return true;
    }
    case 2: {
      const Shape last = {x->shape.back()};
      onnx::NodeProto& node =
          Node("LayerNormalization", {x->name, Weight(last, 0.5, 1.5), Weight(last, -1, 1)});
      SetFloat(node, "epsilon", 0.1f);
      Keep(node, {"", x->shape, 5});
      return true;
    }
    default: {
      onnx::NodeProto& node = Node("LRN", {x->name});
      SetInt(node, "size", 3);
      Keep(node, {"", x->shape, x->bound});
      return true;
    }
  }
}

bool RandomModel::MatMul() {
  const auto x = Pick(2, 4);
  if (!x) return false;
  const size_t rank = x->shape.size();
  const int64_t terms = x->shape.back();
  Shape shape = x->shape;
  std::string other;
  if (Chance(50)) {
    shape.back() = OneOf<int64_t>({1, 3, 8, 17, 32});
    other = Weight({terms, shape.back()}, -WeightFor(terms), WeightFor(terms));
  } else {
    std::vector<int64_t> order(rank);
    for (size_t d = 0; d < rank; ++d) order[d] = static_cast<int64_t>(d);
    std::swap(order[rank - 1], order[rank - 2]);
    onnx::NodeProto& transposed = Node("Transpose", {x->name});
    SetInts(transposed, "perm", order);
    shape.back() = shape[rank - 2];
    other = transposed.output(0);
  }
  Keep(Node("MatMul", {x->name, other}), {"", shape, 4 * x->bound * x->bound});
  return true;
}

bool RandomModel::Gemm() {
  const auto x = Pick(2, 2);
  if (!x) return false;
  const bool trans_a = Chance(30), trans_b = Chance(50);
  const int64_t rows = x->shape[trans_a ? 1 : 0], terms = x->shape[trans_a ? 0 : 1];
  const int64_t columns = OneOf<int64_t>({1, 5, 8, 16, 33});
  const double size = WeightFor(terms);
  std::vector<std::string> inputs = {
      x->name, Weight(trans_b ? Shape{columns, terms} : Shape{terms, columns}, -size, size)};
  if (Chance(60)) inputs.push_back(Weight({columns}, -1, 1));
  onnx::NodeProto& node = Node("Gemm", inputs);
  SetInt(node, "transA", trans_a);
  SetInt(node, "transB", trans_b);
  Keep(node, {"", {rows, columns}, 4 * x->bound});
  return true;
}

bool RandomModel::Convolution() {
  const auto x = Pick(3, 4);
  if (!x) return false;
  const int64_t channels = x->shape[1], group = OneOf(DivisorsOf(channels));
  const int64_t kernel = OneOf<int64_t>({1, 3, 3, 3, 5}), stride = Between(1, 2);
  const int64_t dilation = Chance(20) ? 2 : 1, reach = (kernel - 1) * dilation;
  const int64_t pad = Between(0, reach / 2);
  const int64_t terms = channels / group;
  Shape shape = {x->shape[0], group * OneOf<int64_t>({1, 2, 3, 8})}, weight = {shape[1], terms};
  for (size_t d = 2; d < x->shape.size(); ++d) {
    const int64_t room = x->shape[d] + 2 * pad - reach - 1;
    if (room < 0) return false;
    shape.push_back(room / stride + 1);
    weight.push_back(kernel);
  }
  const size_t spatial = shape.size() - 2;
  const double size = WeightFor(NumElements(weight) / weight[0]);
  std::vector<std::string> inputs = {x->name, Weight(weight, -size, size)};
  if (Chance(60)) inputs.push_back(Weight({weight[0]}, -1, 1));
  onnx::NodeProto& node = Node("Conv", inputs);
  SetInt(node, "group", group);
  SetInts(node, "strides", std::vector<int64_t>(spatial, stride));
  SetInts(node, "dilations", std::vector<int64_t>(spatial, dilation));
  SetInts(node, "pads", std::vector<int64_t>(2 * spatial, pad));
  Keep(node, {"", shape, 4 * x->bound});
  return true;
}

bool RandomModel::Transposed() {
  const auto x = Pick(4, 4);
  if (!x) return false;
  const int64_t channels = x->shape[1], group = OneOf(DivisorsOf(channels));
  const int64_t kernel = Between(1, 4), stride = Between(1, 2), pad = Between(0, (kernel - 1) / 2);
  const Shape weight = {channels, OneOf<int64_t>({1, 2, 5}), kernel, kernel};
  Shape shape = {x->shape[0], group * weight[1]};
  for (size_t d = 2; d < 4; ++d) {
    shape.push_back((x->shape[d] - 1) * stride + kernel - 2 * pad);
    if (shape.back() < 1) return false;
  }
  const double size = WeightFor(channels / group * kernel * kernel);
  onnx::NodeProto& node = Node("ConvTranspose", {x->name, Weight(weight, -size, size)});
  SetInt(node, "group", group);
  SetInts(node, "strides", {stride, stride});
  SetInts(node, "pads", {pad, pad, pad, pad});
  Keep(node, {"", shape, 4 * x->bound});
  return true;
}

bool RandomModel::Pool() {
  const auto x = Pick(4, 4);
  if (!x) return false;
  const int64_t kernel = Between(2, 3), stride = Between(1, 2), pad = Between(0, kernel - 1);
  Shape shape = {x->shape[0], x->shape[1]};
  for (size_t d = 2; d < 4; ++d) {
    if (x->shape[d] + 2 * pad < kernel) return false;
    shape.push_back((x->shape[d] + 2 * pad - kernel) / stride + 1);
  }
  const bool max = Chance(50);
  onnx::NodeProto& node = Node(max ? "MaxPool" : "AveragePool", {x->name});
  SetInts(node, "kernel_shape", {kernel, kernel});
  SetInts(node, "strides", {stride, stride});
  SetInts(node, "pads", {pad, pad, pad, pad});
  if (!max) SetInt(node, "count_include_pad", Chance(50));
  Keep(node, {"", shape, x->bound, max && x->exact});
  return true;
}

bool RandomModel::GlobalPool() {
  const auto x = Pick(3, 4);
  if (!x) return false;
  const bool max = Chance(40);
  Shape shape(x->shape.size(), 1);
  shape[0] = x->shape[0];
  shape[1] = x->shape[1];
  Keep(Node(max ? "GlobalMaxPool" : "GlobalAveragePool", {x->name}),
       {"", shape, x->bound, max && x->exact});
  return true;
}

}  // namespace tilewright
