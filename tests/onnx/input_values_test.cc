// Inputs that are fixed to numbers: what they make of the model, and which numbers are refused.
#include "compiler/onnx/input_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/onnx/evaluate.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Values = std::map<std::string, std::vector<std::string>>;

// A graph attribute whose one node makes `output` of "x".
void AddBranch(onnx::NodeProto& node, const std::string& name, const std::string& op_type) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  onnx::NodeProto& inner = *attribute.mutable_g()->add_node();
  inner.set_op_type(op_type);
  inner.add_input("x");
  inner.add_output(name + "_y");
  attribute.mutable_g()->add_output()->set_name(name + "_y");
}

// y = rate == 16000 ? -x : `other`(x).
ModelBuilder ByRate(const std::string& other) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Input("rate", {}, onnx::TensorProto::INT64);
  m.Ints("known", {16000}).clear_dims();
  m.Node("Equal", {"rate", "known"}, {"is"});
  onnx::NodeProto& node = m.Node("If", {"is"}, {"y"});
  AddBranch(node, "then_branch", "Neg");
  AddBranch(node, "else_branch", other);
  m.Output("y");
  return m;
}

// y = x of the shape "s", an input of open length.
ModelBuilder ByShape() {
  ModelBuilder m;
  m.Input("x", {6});
  m.Input("s", {-1}, onnx::TensorProto::INT64);
  m.Node("Reshape", {"x", "s"}, {"y"});
  m.Output("y");
  return m;
}

// y = v, which is an input of the type and shape.
ModelBuilder Copy(onnx::TensorProto::DataType type, const Shape& shape) {
  ModelBuilder m;
  m.Input("v", shape, type);
  m.Node("Identity", {"v"}, {"y"});
  m.Output("y");
  return m;
}

Tensor ValueOf(const ModelBuilder& m, const Values& values) {
  const auto graph = ImportOnnx(m.Bytes(), {.input_values = values});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return Tensor();
  const auto outputs = EvaluateGraph(*graph, {});
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? outputs->at(0) : Tensor();
}

std::string Refusal(const ModelBuilder& m, const Values& values) {
  const auto graph = ImportOnnx(m.Bytes(), {.input_values = values});
  EXPECT_FALSE(graph.ok());
  return std::string(graph.status().message());
}

TEST(InputValues, DecideWhichBranchIsTakenAndVanishFromTheInputs) {
  const Tensor x({DType::kF32, {2}}, std::vector<float>{3, -4});
  for (const char* other : {"Abs", "Unknown"}) {
    const auto graph = ImportOnnx(ByRate(other).Bytes(), {.input_values = {{"rate", {"16000"}}}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    ASSERT_EQ(graph->inputs.size(), 1u);
    const Tensor y = EvaluateGraph(*graph, {{"x", x}}).value().at(0);
    EXPECT_THAT(std::vector<float>(y.as<float>(), y.as<float>() + 2), ElementsAre(-3, 4));
  }
}

TEST(InputValues, AreAdvisedWhereABranchIsRefusedOrANumberIsNeeded) {
  EXPECT_THAT(Refusal(ByRate("Unknown"), {}), HasSubstr("with --input-value rate=NUMBER"));
  EXPECT_THAT(Refusal(ByShape(), {{"x", {"1"}}}), HasSubstr("dimension 0 \"N\" is dynamic"));
  ModelBuilder fixed = ByShape();
  fixed.graph()
      .mutable_input(1)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(2);
  EXPECT_THAT(Refusal(fixed, {}), HasSubstr("with --input-value s=NUMBER,NUMBER,..."));
}

TEST(InputValues, AreNotAdvisedForDataOfManyNumbers) {
  ModelBuilder m;
  m.Input("x", {6});
  m.Input("many", {100}, onnx::TensorProto::INT64);
  onnx::NodeProto& sum = m.Node("ReduceSum", {"many"}, {"s"});
  SetInt(sum, "keepdims", 1);
  m.Node("Reshape", {"x", "s"}, {"y"});
  m.Output("y");
  EXPECT_THAT(Refusal(m, {}),
              AllOf(HasSubstr("needs a constant"), Not(HasSubstr("--input-value"))));
}

TEST(InputValues, GiveAnInputOfOpenLengthItsLength) {
  const auto graph = ImportOnnx(ByShape().Bytes(), {.input_values = {{"s", {"2", "3"}}}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->values[graph->outputs[0]].type.shape, (Shape{2, 3}));
}

TEST(InputValues, TakeThePlaceOfTheModelsOwn) {
  ModelBuilder m = ByShape();
  m.Ints("s", {6, 1});
  const auto graph = ImportOnnx(m.Bytes(), {.input_values = {{"s", {"3", "2"}}}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->values[graph->outputs[0]].type.shape, (Shape{3, 2}));
}

TEST(InputValues, AreOfTheInputsTypeAndOneIsForAllElements) {
  using onnx::TensorProto;
  EXPECT_EQ(
      ValueOf(Copy(TensorProto::UINT64, {}), {{"v", {"18446744073709551615"}}}).as<uint64_t>()[0],
      UINT64_MAX);
  EXPECT_EQ(ValueOf(Copy(TensorProto::INT64, {1}), {{"v", {"-9007199254740993"}}}).AsInt(0),
            -9007199254740993);
  EXPECT_EQ(ValueOf(Copy(TensorProto::BOOL, {}), {{"v", {"true"}}}).AsInt(0), 1);
  const Tensor all = ValueOf(Copy(TensorProto::FLOAT16, {2, 2}), {{"v", {"0.5"}}});
  EXPECT_EQ(all.shape(), (Shape{2, 2}));
  EXPECT_EQ(all.AsDouble(3), 0.5);
}

TEST(InputValues, ThatDoNotFitAreRefused) {
  using onnx::TensorProto;
  EXPECT_THAT(Refusal(Copy(TensorProto::INT8, {}), {{"v", {"128"}}}),
              HasSubstr("\"128\" is no int8"));
  EXPECT_THAT(Refusal(Copy(TensorProto::UINT8, {}), {{"v", {"-1"}}}), HasSubstr("is no uint8"));
  EXPECT_THAT(Refusal(Copy(TensorProto::INT64, {}), {{"v", {"1.5"}}}), HasSubstr("is no int64"));
  EXPECT_THAT(Refusal(Copy(TensorProto::FLOAT, {}), {{"v", {"x"}}}), HasSubstr("is no float32"));
  EXPECT_THAT(Refusal(Copy(TensorProto::FLOAT, {3}), {{"v", {"1", "2"}}}),
              HasSubstr("2 numbers are given for float32[3]; give 3, or one for all"));
  EXPECT_THAT(Refusal(Copy(TensorProto::FLOAT, {3}), {{"w", {"1"}}}),
              HasSubstr("the model has no input \"w\"; it has v"));
  EXPECT_THAT(Refusal(Copy(TensorProto::STRING, {}), {{"v", {"1"}}}), HasSubstr("STRING"));
}

TEST(ParseInputValues, TakesSeveralAndListsOfNumbers) {
  const auto values = ParseInputValues("rate=16000 axes=1,-2;a=b=0.5");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_THAT(values->at("rate"), ElementsAre("16000"));
  EXPECT_THAT(values->at("axes"), ElementsAre("1", "-2"));
  EXPECT_THAT(values->at("a=b"), ElementsAre("0.5"));
  EXPECT_THAT(ParseInputValues("").value(), IsEmpty());
}

TEST(ParseInputValues, RefusesWhatIsNoValueAndTwoOfOneInput) {
  for (const char* text : {"rate", "=5", "rate=", "rate=1 rate=2"}) {
    EXPECT_FALSE(ParseInputValues(text).ok()) << text;
  }
}

}  // namespace
}  // namespace tilewright
