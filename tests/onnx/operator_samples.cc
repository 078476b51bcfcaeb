#include "tests/onnx/operator_samples.h"

#include "absl/strings/str_cat.h"
#include "tests/onnx/one_node.h"

namespace tilewright {
namespace {

onnx::TensorProto ToProto(const Tensor& tensor) {
  onnx::TensorProto proto;
  proto.set_data_type(ToOnnxType(tensor.dtype()));
  for (int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_raw_data(tensor.data(), tensor.bytes());
  return proto;
}

struct AttributeSetter {
  onnx::NodeProto& node;
  const std::string& name;

  void operator()(int value) const { SetInt(node, name, value); }
  void operator()(float value) const { SetFloat(node, name, value); }
  void operator()(const std::string& value) const { SetString(node, name, value); }
  void operator()(const Ints& values) const { SetInts(node, name, values); }
  void operator()(const Reals& values) const { SetFloats(node, name, values); }
  void operator()(const std::vector<std::string>& values) const { SetStrings(node, name, values); }
  void operator()(const Tensor& tensor) const {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::TENSOR);
    *attribute.mutable_t() = ToProto(tensor);
  }
};

Tensor Drawn(const SampleOperand& operand, Rng& rng) {
  if (operand.values.empty()) {
    if (*operand.dtype == DType::kF32) return Random(rng, operand.shape);
    Tensor drawn({*operand.dtype, operand.shape});
    for (int64_t i = 0; i < drawn.size(); ++i) drawn.Set(i, static_cast<double>(rng.Below(256)));
    return drawn;
  }
  Tensor tensor({*operand.dtype, operand.shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.Set(i, operand.values[static_cast<size_t>(i)]);
  }
  return tensor;
}

}  // namespace

NodeTest AsNodeTest(const OperatorSample& sample, uint64_t seed) {
  Rng rng(seed);
  ModelBuilder m(sample.opset);
  NodeTest test{.name = absl::StrCat("sample of ", sample.op_type)};
  std::vector<std::string> inputs, outputs;
  for (const SampleOperand& operand : sample.inputs) {
    const std::string name = absl::StrCat("in", inputs.size());
    inputs.push_back(operand.dtype ? name : "");
    if (!operand.dtype) continue;
    m.Input(name, operand.shape, ToOnnxType(*operand.dtype));
    test.inputs[name] = Drawn(operand, rng);
  }
  for (int i = 0; i < sample.outputs; ++i) outputs.push_back(absl::StrCat("out", i));
  onnx::NodeProto& node = m.Node(sample.op_type, inputs, outputs);
  SetDomain(m, node);
  for (const auto& [name, value] : sample.attributes) {
    std::visit(AttributeSetter{node, name}, value);
  }
  for (const std::string& output : outputs) m.Output(output);
  test.model = m.model();
  return test;
}

namespace {

std::vector<OperatorSample> SamplesUpToG() {
  const SampleOperand heads = X({1, 2, 3, 8}), bits = I64({4}, {0, 1, 2, 3}),
                      others = I64({4}, {3, 3, 1, 2});
  return {
      {"AffineGrid", 20, {X({2, 2, 3}), I64({4}, {2, 1, 3, 4})}},
      {"Attention", 23, {heads, heads, heads}},
      {"Bernoulli", 15, {X({4, 5})}},
      {"BitwiseAnd", 18, {bits, others}},
      {"BitwiseNot", 18, {bits}},
      {"BitwiseOr", 18, {bits, others}},
      {"BitwiseXor", 18, {bits, others}},
      {"CausalConvWithState", 27, {X({1, 2, 5}), X({2, 1, 3}), X({2})}, {}, 2},
      {"CenterCropPad", 18, {X({5, 4}), I64({2}, {3, 6})}},
      {"Col2Im", 18, {X({1, 5, 5}), I64({2}, {5, 5}), I64({2}, {1, 5})}},
      {"CumProd", 26, {X({3, 4}), I64({}, {1})}},
      {"DeformConv", 19, {X({1, 1, 3, 3}), X({1, 1, 2, 2}), X({1, 8, 2, 2})}},
      {"Gelu", 20, {X({2, 5})}},
      {"Gemm", 13, {X({2, 3}), X({3, 4}), X({4})}},
      {"GlobalLpPool", 7, {X({1, 2, 5})}},
      {"GridSample", 20, {X({1, 1, 4, 4}), X({1, 2, 3, 2})}, {{"mode", "nearest"}}},
      {"GroupNormalization", 21, {X({1, 4, 2, 3}), X({4}), X({4})}, {{"num_groups", 2}}},
  };
}

std::vector<OperatorSample> SamplesFromL() {
  const SampleOperand heads = X({1, 2, 3, 8});
  return {
      {"LinearAttention",
       27,
       {X({1, 3, 4}), X({1, 3, 4}), X({1, 3, 4})},
       {{"q_num_heads", 1}, {"kv_num_heads", 1}, {"update_rule", "linear"}},
       2},
      {"LpNormalization", 7, {X({2, 5})}},
      {"LpPool", 18, {X({1, 2, 6})}, {{"kernel_shape", Ints{3}}}},
      {"MaxRoiPool",
       7,
       {X({1, 1, 6, 6}), X({1, 5}, {0, 0, 0, 3, 3})},
       {{"pooled_shape", Ints{2, 2}}}},
      {"Mish", 18, {X({2, 5})}},
      {"RMSNormalization", 23, {X({2, 5}), X({5})}},
      {"RandomNormalLike", 7, {X({2, 3})}, {{"dtype", 1}}},
      {"RandomUniformLike", 7, {X({2, 3})}, {{"dtype", 1}}},
      {"Resize", 13, {X({1, 1, 2, 2}), kNothing, X({4}, {1, 1, 2, 2})}, {{"mode", "nearest"}}},
      {"RotaryEmbedding", 23, {heads, X({5, 4}), X({5, 4}), I64({1, 3}, {0, 2, 4})}},
      {"SimplifiedLayerNormalization", 7, {X({2, 5}), X({5})}},
      {"SwiGLU", 28, {X({2, 6}), X({2, 6})}},
      {"Swish", 24, {X({2, 5})}},
      {"TensorScatter", 24, {X({1, 1, 4, 3}), X({1, 1, 1, 3}), I64({1}, {2})}},
      {"ai.onnx.preview.FlexAttention", 24, {heads, heads, heads}},
  };
}

}  // namespace

std::vector<OperatorSample> StandardSamples() {
  std::vector<OperatorSample> all = SamplesUpToG();
  for (OperatorSample& sample : SamplesFromL()) all.push_back(std::move(sample));
  return all;
}

}  // namespace tilewright
