#include "tests/onnx/random_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr double kMaxBound = 16;
constexpr int64_t kMaxElementsOfAValue = 3000;
constexpr int kSteps = 10;

}  // namespace

const std::vector<RandomModel::Step>& RandomModel::Steps() {
  using M = RandomModel;
  static const std::vector<Step> steps = {
      &M::Unary,         &M::Unary,      &M::Jumping, &M::Binary,      &M::Binary,
      &M::WithItself,    &M::WithItself, &M::Chosen,  &M::Reduction,   &M::Softmax,
      &M::Normalization, &M::MatMul,     &M::Gemm,    &M::Convolution, &M::Convolution,
      &M::Convolution,   &M::Transposed, &M::Pool,    &M::GlobalPool,  &M::Reshape,
      &M::Transpose,     &M::Slice,      &M::Pad,     &M::Concat,      &M::Split,
      &M::Gather,        &M::CumSum,     &M::Expand,  &M::Resize,      &M::DepthToSpace,
      &M::Trilu,         &M::ArgExtreme, &M::TopK,    &M::ThereAndBack};
  return steps;
}

RandomModel::RandomModel(uint64_t seed) : rng_(seed) {
  AddInput(4);  // most families take images
  for (int64_t more = Between(0, 2); more > 0; --more) AddInput(1 + rng_.Below(4));
  const size_t inputs = values_.size();
  for (int done = 0; done < kSteps;) done += (this->*OneOf(Steps()))() ? 1 : 0;
  Output(values_.back());
  for (int64_t more = Between(0, 2); more > 0; --more) {
    Output(values_[inputs + rng_.Below(values_.size() - inputs)]);
  }
}

int64_t RandomModel::Between(int64_t lo, int64_t hi) {
  return lo + static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(hi - lo + 1)));
}

Shape RandomModel::RandomShape(size_t rank) {
  if (rank == 4) return {Between(1, 2), OneOf<int64_t>({1, 3, 4, 6, 8, 16}), Between(3, 11), 7};
  Shape shape;
  for (size_t d = 0; d < rank; ++d) shape.push_back(OneOf<int64_t>({1, 2, 3, 5, 7, 8, 13}));
  return shape;
}

void RandomModel::AddInput(size_t rank) {
  const std::string name = absl::StrCat("x", inputs_.size());
  const Shape shape = RandomShape(rank);
  Tensor tensor({DType::kF32, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.as<float>()[i] = static_cast<float>(rng_.Uniform(-1, 1));
  }
  model_.Input(name, shape);
  inputs_.emplace(name, std::move(tensor));
  values_.push_back({name, shape, 1, true});
}

std::optional<RandomModel::Value> RandomModel::Pick(size_t lo, size_t hi, bool exact) {
  std::vector<Value> found;
  for (const Value& value : values_) {
    const size_t rank = value.shape.size();
    if (rank >= lo && rank <= hi && (value.exact || !exact)) found.push_back(value);
  }
  if (found.empty()) return std::nullopt;
  const size_t first = Chance(70) ? found.size() - std::min<size_t>(found.size(), 3) : 0;
  return found[first + rng_.Below(found.size() - first)];
}

RandomModel::Value RandomModel::Partner(const Value& x) {
  std::vector<Value> same;
  for (const Value& value : values_) {
    if (value.shape == x.shape) same.push_back(value);
  }
  if (Chance(60)) return OneOf(same);
  Shape shape(x.shape.end() - Between(0, static_cast<int64_t>(x.shape.size())), x.shape.end());
  for (int64_t& dim : shape) dim = Chance(30) ? 1 : dim;
  return {Weight(shape, -1, 1), shape, 1, true};
}

std::string RandomModel::Weight(const Shape& shape, double lo, double hi) {
  const std::string name = absl::StrCat("w", names_++);
  onnx::TensorProto& tensor = model_.Floats(name, shape);
  for (float& value : *tensor.mutable_float_data())
    value = static_cast<float>(rng_.Uniform(lo, hi));
  return name;
}

std::string RandomModel::Ints(const std::vector<int64_t>& values) {
  const std::string name = absl::StrCat("i", names_++);
  model_.Ints(name, values);
  return name;
}

onnx::NodeProto& RandomModel::Node(const std::string& op, const std::vector<std::string>& inputs,
                                   size_t outputs) {
  std::vector<std::string> names;
  while (names.size() < outputs) names.push_back(absl::StrCat("v", names_++));
  return model_.Node(op, inputs, names);
}

void RandomModel::Keep(const onnx::NodeProto& node, Value value, int output) {
  value.name = node.output(output);
  if (value.bound > kMaxBound) {
    value.name = Node("Tanh", {value.name}).output(0);
    value.bound = 1;
    value.exact = false;
  }
  if (NumElements(value.shape) <= kMaxElementsOfAValue) {
    values_.push_back(std::move(value));
    return;
  }
  // Too large to go on from: its mean over all but the first dimension stands for it.
  onnx::NodeProto& mean = Node("ReduceMean", {value.name});
  std::vector<int64_t> axes;
  for (size_t d = 1; d < value.shape.size(); ++d) axes.push_back(static_cast<int64_t>(d));
  SetInts(mean, "axes", axes);
  Shape shape(value.shape.size(), 1);
  shape[0] = value.shape[0];
  values_.push_back({mean.output(0), shape, value.bound, false});
}

void RandomModel::Output(const Value& value) {
  // An output's name is given once; a value may be output twice.
  const std::string name = Node("Identity", {value.name}).output(0);
  model_.Output(name);
}

}  // namespace tilewright
