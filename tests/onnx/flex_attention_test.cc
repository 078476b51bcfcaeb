// FlexAttention: bodies change the scores and the probabilities.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "compiler/core/dtype.h"
#include "tests/onnx/by_definition.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kFlexSeed = 20261128;
constexpr int64_t kQueryHeads = 4, kKeyHeads = 2, kQueries = 3, kKeys = 5, kSize = 8, kValues = 6;

// One node over the body's input and a value of the model around it.
void AddBody(onnx::NodeProto& node, const std::string& name, const std::string& op_type,
             const std::string& other) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  onnx::GraphProto& body = *attribute.mutable_g();
  body.add_input()->set_name("in");
  onnx::NodeProto& inner = *body.add_node();
  inner.set_op_type(op_type);
  inner.add_input("in");
  inner.add_input(other);
  inner.add_output("out");
  body.add_output()->set_name("out");
}

ModelBuilder FlexModel(onnx::TensorProto::DataType type) {
  ModelBuilder m(26);
  onnx::OperatorSetIdProto& preview = *m.model().add_opset_import();
  preview.set_domain("ai.onnx.preview");
  preview.set_version(1);
  m.Input("q", {1, kQueryHeads, kQueries, kSize}, type);
  m.Input("k", {1, kKeyHeads, kKeys, kSize}, type);
  m.Input("v", {1, kKeyHeads, kKeys, kValues}, type);
  const auto inner = type == onnx::TensorProto::DOUBLE ? type : onnx::TensorProto::FLOAT;
  m.Input("bias", {kQueries, kKeys}, inner);
  m.Input("gain", {kQueryHeads, 1, 1}, inner);
  onnx::NodeProto& node = m.Node("FlexAttention", {"q", "k", "v"}, {"y"});
  node.set_domain("ai.onnx.preview");
  AddBody(node, "score_mod", "Add", "bias");
  AddBody(node, "prob_mod", "Mul", "gain");
  m.Output("y");
  return m;
}

Tensor UniformIn(Rng& rng, DType dtype, const Shape& shape) {
  Tensor tensor({dtype, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, RoundTo(dtype, rng.Uniform(-1, 1)));
  return tensor;
}

Tensors FlexInputs(DType dtype) {
  Rng rng(kFlexSeed);
  const DType inner = IsNarrowFloat(dtype) ? DType::kF32 : dtype;  // softmax_precision's default
  return {{"q", UniformIn(rng, dtype, {1, kQueryHeads, kQueries, kSize})},
          {"k", UniformIn(rng, dtype, {1, kKeyHeads, kKeys, kSize})},
          {"v", UniformIn(rng, dtype, {1, kKeyHeads, kKeys, kValues})},
          {"bias", UniformIn(rng, inner, {kQueries, kKeys})},
          {"gain", UniformIn(rng, inner, {kQueryHeads, 1, 1})}};
}

// What the definition gives for one head and query.
std::vector<double> RowOfFlex(const Tensors& in, int64_t head, int64_t query) {
  const int64_t group = head / (kQueryHeads / kKeyHeads);
  std::vector<double> scores(kKeys), row(kValues);
  double sum = 0;
  for (int64_t key = 0; key < kKeys; ++key) {
    double dot = 0;
    for (int64_t i = 0; i < kSize; ++i) {
      dot += in.at("q").AsDouble((head * kQueries + query) * kSize + i) *
             in.at("k").AsDouble((group * kKeys + key) * kSize + i);
    }
    const double bias = in.at("bias").AsDouble(query * kKeys + key);
    sum += scores[static_cast<size_t>(key)] = std::exp(dot / std::sqrt(double{kSize}) + bias);
  }
  for (int64_t key = 0; key < kKeys; ++key)
    for (int64_t i = 0; i < kValues; ++i)
      row[static_cast<size_t>(i)] += scores[static_cast<size_t>(key)] / sum *
                                     in.at("gain").AsDouble(head) *
                                     in.at("v").AsDouble((group * kKeys + key) * kValues + i);
  return row;
}

TEST(FlexAttention, ItsBodiesChangeScoresAndProbabilitiesInEveryType) {
  SCOPED_TRACE(kFlexSeed);
  for (const auto& [type, dtype] : {std::pair{onnx::TensorProto::FLOAT, DType::kF32},
                                    {onnx::TensorProto::DOUBLE, DType::kF64},
                                    {onnx::TensorProto::FLOAT16, DType::kF16},
                                    {onnx::TensorProto::BFLOAT16, DType::kBF16}}) {
    const Tensors in = FlexInputs(dtype);
    const double tolerance = IsNarrowFloat(dtype) ? 8 * RoundoffOf(dtype) : 1e-5;
    const auto y = RunBoth(FlexModel(type), in, tolerance);
    ASSERT_EQ(y.size(), 1u);
    std::vector<double> expected;
    for (int64_t head = 0; head < kQueryHeads; ++head)
      for (int64_t query = 0; query < kQueries; ++query)
        for (double value : RowOfFlex(in, head, query)) expected.push_back(value);
    ExpectNear(y[0], expected, tolerance);
  }
}

TEST(FlexAttention, ABodyThatMakesAnotherShapeIsNamed) {
  ModelBuilder m = FlexModel(onnx::TensorProto::FLOAT);
  m.graph()
      .mutable_input(3)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(1);
  onnx::NodeProto& node = *m.graph().mutable_node(0);
  onnx::NodeProto& inner = *node.mutable_attribute(0)->mutable_g()->mutable_node(0);
  inner.set_op_type("MatMul");
  inner.set_input(1, "turned");
  m.Node("Transpose", {"bias"}, {"turned"});
  EXPECT_THAT(Refusal(m), HasSubstr("its body makes float32[1,4,3,1] of float32[1,4,3,5]"));
}

}  // namespace
}  // namespace tilewright
