// What an imported graph looks like: which nodes, which workloads, what was evaluated away.
#include "compiler/onnx/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/onnx/evaluate.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Graph Import(const ModelBuilder& m, const ImportOptions& options = {}) {
  absl::StatusOr<Graph> graph = ImportOnnx(m.Bytes(), options);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *std::move(graph) : Graph();
}

std::vector<std::string> Ops(const Graph& graph) {
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes) ops.push_back(node.op);
  return ops;
}

std::vector<std::string> Workloads(const Graph& graph) {
  std::vector<std::string> keys;
  for (const Node& node : graph.nodes) {
    if (node.workload) keys.push_back(node.workload->Key());
  }
  return keys;
}

Tensor Evaluate(const Graph& graph, const std::map<std::string, Tensor>& inputs) {
  const auto outputs = EvaluateGraph(graph, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? outputs->at(0) : Tensor();
}

std::vector<float> Floats(const Tensor& tensor) {
  return {tensor.as<float>(), tensor.as<float>() + tensor.size()};
}

TEST(Import, AConvolutionOverOneDimensionIsOneOverAnImageOfOneRow) {
  ModelBuilder m;
  m.Input("x", {1, 1, 400});
  m.Floats("w", {6, 1, 40});
  m.Floats("v", {6, 3, 4});
  SetInts(m.Node("Conv", {"x", "w"}, {"y"}), "strides", {16});
  SetInts(m.Node("ConvTranspose", {"y", "v"}, {"z"}), "strides", {2});
  m.Output("z");
  const Graph graph = Import(m);
  EXPECT_THAT(Workloads(graph),
              ElementsAre("conv2d(float32[1,1,1,400],float32[6,1,1,40];dilation=1,1;groups=1;"
                          "padding=0,0,0,0;strides=1,16;NCHW,OIHW,NCHW)",
                          "conv2d_transpose(float32[1,6,1,23],float32[6,3,1,4];dilation=1,1;"
                          "groups=1;output_padding=0,0;padding=0,0,0,0;strides=1,2;"
                          "NCHW,IOHW,NCHW)"));
  EXPECT_THAT(graph.values[graph.outputs[0]].type.shape, ElementsAre(1, 3, 48));
}

TEST(Import, AProductOfTwoComputedMatricesIsABatchOfOne) {
  ModelBuilder m;
  m.Input("x", {5, 8});
  m.Input("y", {8, 6});
  m.Node("MatMul", {"x", "y"}, {"z"});
  m.Output("z");
  EXPECT_THAT(Workloads(Import(m)), ElementsAre("batch_matmul(float32[1,5,8],float32[1,8,6];,,)"));
}

TEST(Import, AConvolutionBecomesAWorkloadAndABiasAddition) {
  ModelBuilder m;
  m.Input("x", {1, 8, 6, 6});
  m.Floats("w", {4, 8, 3, 3});
  m.Floats("b", {4});
  onnx::NodeProto& conv = m.Node("Conv", {"x", "w", "b"}, {"y"});
  SetInts(conv, "pads", {1, 1, 1, 1});
  m.Output("y");
  const Graph graph = Import(m);
  EXPECT_THAT(Ops(graph), ElementsAre("conv2d", "bias_add"));
  EXPECT_THAT(Workloads(graph),
              ElementsAre("conv2d(float32[1,8,6,6],float32[4,8,3,3];dilation=1,1;groups=1;"
                          "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)"));
}

TEST(Import, AConvolutionWithAsManyGroupsAsChannelsIsDepthwise) {
  ModelBuilder m;
  m.Input("x", {1, 4, 6, 6});
  m.Floats("w", {4, 1, 3, 3});
  SetInt(m.Node("Conv", {"x", "w"}, {"y"}), "group", 4);
  m.Output("y");
  EXPECT_THAT(Ops(Import(m)), ElementsAre("depthwise_conv2d"));
}

TEST(Import, AMatMulByAWeightBecomesDenseOverFlattenedRows) {
  ModelBuilder m;
  m.Input("x", {2, 5, 8});
  m.Floats("w", {8, 3});
  m.Node("MatMul", {"x", "w"}, {"y"});
  m.Output("y");
  const Graph graph = Import(m);
  EXPECT_THAT(Ops(graph), ElementsAre("reshape", "dense", "reshape"));
  EXPECT_EQ(graph.values[graph.outputs[0]].type.shape, (Shape{2, 5, 3}));
}

TEST(Import, AMatMulOfBatchesBroadcastsIntoABatchedWorkload) {
  ModelBuilder m;
  m.Input("x", {2, 3, 5, 8});
  m.Input("z", {3, 8, 4});
  m.Node("MatMul", {"x", "z"}, {"y"});
  m.Output("y");
  const Graph graph = Import(m);
  EXPECT_THAT(Workloads(graph), ElementsAre(testing::HasSubstr("batch_matmul(float32[6,5,8]")));
  EXPECT_EQ(graph.values[graph.outputs[0]].type.shape, (Shape{2, 3, 5, 4}));
}

// The idiom by which exporters write x.view(x.size(0), -1).
TEST(Import, ShapeComputationsVanish) {
  ModelBuilder m;
  m.Input("x", {2, 3, 4});
  m.Ints("zero", {0});
  m.Ints("rest", {-1});
  m.Node("Shape", {"x"}, {"shape"});
  m.Node("Gather", {"shape", "zero"}, {"batch"});
  SetInt(m.Node("Concat", {"batch", "rest"}, {"target"}), "axis", 0);
  m.Node("Reshape", {"x", "target"}, {"y"});
  m.Output("y");
  const Graph graph = Import(m);
  EXPECT_THAT(Ops(graph), ElementsAre("reshape"));
  EXPECT_EQ(graph.values[graph.outputs[0]].type.shape, (Shape{2, 12}));
}

TEST(Import, IdentityAndDropoutLeaveNoNodes) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("Identity", {"x"}, {"a"});
  m.Node("Dropout", {"a"}, {"b", "mask"});
  m.Node("Relu", {"b"}, {"y"});
  m.Output("y");
  EXPECT_THAT(Ops(Import(m)), ElementsAre("relu"));
}

TEST(Import, AnInputHandedThroughIsCopiedToTheOutput) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("Identity", {"x"}, {"y"});
  m.Output("y");
  const Graph graph = Import(m);
  EXPECT_THAT(Ops(graph), ElementsAre("copy"));
  EXPECT_THAT(graph.output_names, ElementsAre("y"));
}

TEST(Import, DynamicDimensionsAreBoundByTheOptions) {
  ModelBuilder m;
  m.Input("x", {-1, 3});
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  const Graph graph = Import(m, {.input_shapes = {{"x", {5, 3}}}});
  EXPECT_EQ(graph.values[graph.outputs[0]].type.shape, (Shape{5, 3}));
}

TEST(Import, AnInputBoundToAConstantVanishesFromTheInputs) {
  ModelBuilder m;
  m.Input("x", {2, 3});
  m.Input("s", {1}, onnx::TensorProto::INT64);
  m.Node("Reshape", {"x", "s"}, {"y"});
  m.Output("y");
  const Tensor shape({DType::kI64, {1}}, std::vector<int64_t>{6});
  const Graph graph = Import(m, {.constant_inputs = {{"s", shape}}});
  EXPECT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.values[graph.outputs[0]].type.shape, (Shape{6}));
}

// Models before IR version 4 list their weights among the inputs too.
TEST(Import, AnInputWithAnInitializerIsAConstant) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Input("w", {2});
  m.Floats("w", {2}, 3);
  m.Node("Mul", {"x", "w"}, {"y"});
  m.Output("y");
  const Graph graph = Import(m);
  EXPECT_EQ(graph.inputs.size(), 1u);
  const Tensor x({DType::kF32, {2}}, std::vector<float>{1, 2});
  EXPECT_THAT(Floats(Evaluate(graph, {{"x", x}})), ElementsAre(3, 6));
}

// A hostile model must not read outside a tensor.
TEST(Import, GatherClampsIndicesThatAreOutOfRange) {
  ModelBuilder m;
  m.Input("x", {3});
  m.Input("i", {4}, onnx::TensorProto::INT64);
  m.Node("Gather", {"x", "i"}, {"y"});
  m.Output("y");
  const Tensor x({DType::kF32, {3}}, std::vector<float>{10, 20, 30});
  const Tensor i({DType::kI64, {4}}, std::vector<int64_t>{-1, -100, 100, 1});
  EXPECT_THAT(Floats(Evaluate(Import(m), {{"x", x}, {"i", i}})), ElementsAre(30, 10, 30, 20));
}

TEST(Import, IntegerDivisionTruncatesAndSurvivesZero) {
  ModelBuilder m;
  m.Input("a", {4}, onnx::TensorProto::INT64);
  m.Input("b", {4}, onnx::TensorProto::INT64);
  m.Node("Div", {"a", "b"}, {"y"});
  m.Output("y");
  const Tensor a({DType::kI64, {4}}, std::vector<int64_t>{7, -7, 7, 5});
  const Tensor b({DType::kI64, {4}}, std::vector<int64_t>{2, 2, -2, 0});
  const Tensor y = Evaluate(Import(m), {{"a", a}, {"b", b}});
  EXPECT_EQ(y.AsInt(0), 3);
  EXPECT_EQ(y.AsInt(1), -3);
  EXPECT_EQ(y.AsInt(2), -3);
}

TEST(Import, SoftmaxBeforeOpset13SpansAllLaterAxes) {
  for (int64_t opset : {11, 13}) {
    ModelBuilder m(opset);
    m.Input("x", {1, 2, 2});
    SetInt(m.Node("Softmax", {"x"}, {"y"}), "axis", 1);
    m.Output("y");
    const Tensor x({DType::kF32, {1, 2, 2}}, std::vector<float>{0, 0, 0, 0});
    EXPECT_FLOAT_EQ(Evaluate(Import(m), {{"x", x}}).as<float>()[0], opset < 13 ? 0.25f : 0.5f);
  }
}

TEST(Import, GroupNormalizationScalesPerGroupThenPerChannel) {
  for (int64_t opset : {18, 21}) {
    ModelBuilder m(opset);
    m.Input("x", {1, 4, 2});
    m.Floats("scale", {opset < 21 ? 2 : 4}, 2);
    m.Floats("bias", {opset < 21 ? 2 : 4}, 1);
    SetInt(m.Node("GroupNormalization", {"x", "scale", "bias"}, {"y"}), "num_groups", 2);
    m.Output("y");
    const Tensor x({DType::kF32, {1, 4, 2}}, std::vector<float>{1, 1, 3, 3, 5, 5, 9, 9});
    const Tensor y = Evaluate(Import(m), {{"x", x}});
    for (int64_t i = 0; i < 8; ++i) {
      EXPECT_NEAR(y.as<float>()[i], i / 2 % 2 == 0 ? -1 : 3, 1e-3) << opset << " at " << i;
    }
  }
}

TEST(Import, SplitIntoUnevenPartsLeavesTheLastSmaller) {
  ModelBuilder m(18);
  m.Input("x", {5});
  SetInt(m.Node("Split", {"x"}, {"a", "b"}), "num_outputs", 2);
  m.Output("a");
  m.Output("b");
  const Graph graph = Import(m);
  EXPECT_EQ(graph.values[graph.outputs[0]].type.shape, (Shape{3}));
  EXPECT_EQ(graph.values[graph.outputs[1]].type.shape, (Shape{2}));
}

TEST(Import, ResizeByAWholeFactorIndexesByDivision) {
  ModelBuilder m(13);
  m.Input("x", {1, 1, 2, 2});
  m.Floats("scales", {4}, 1).set_float_data(3, 3);
  onnx::NodeProto& resize = m.Node("Resize", {"x", "", "scales"}, {"y"});
  SetString(resize, "coordinate_transformation_mode", "asymmetric");
  SetString(resize, "nearest_mode", "floor");
  m.Output("y");
  const Graph graph = Import(m);
  ASSERT_EQ(graph.nodes.size(), 1u);
  EXPECT_EQ(graph.nodes[0].inputs.size(), 1u);
  const Tensor x({DType::kF32, {1, 1, 2, 2}}, std::vector<float>{1, 2, 3, 4});
  EXPECT_THAT(Floats(Evaluate(graph, {{"x", x}})), ElementsAre(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4));
}

TEST(Import, ScatterAddsUpDuplicateIndices) {
  ModelBuilder m(16);
  m.Input("x", {3});
  m.Ints("i", {1, 1});
  m.Floats("u", {2}, 5);
  SetString(m.Node("ScatterElements", {"x", "i", "u"}, {"y"}), "reduction", "add");
  m.Output("y");
  const Tensor x({DType::kF32, {3}}, std::vector<float>{1, 2, 3});
  EXPECT_THAT(Floats(Evaluate(Import(m), {{"x", x}})), ElementsAre(1, 12, 3));
}

TEST(Import, SpaceToDepthPutsChannelsFirstOrLast) {
  for (const auto& [mode, expected] : std::vector<std::pair<std::string, std::vector<float>>>{
           {"DCR", {0, 4, 1, 5, 2, 6, 3, 7}}, {"CRD", {0, 1, 2, 3, 4, 5, 6, 7}}}) {
    ModelBuilder m(13);
    m.Input("x", {1, 2, 2, 2});
    onnx::NodeProto& node = m.Node("SpaceToDepth", {"x"}, {"y"});
    SetInt(node, "blocksize", 2);
    SetString(node, "mode", mode);
    m.Output("y");
    const Tensor x({DType::kF32, {1, 2, 2, 2}}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
    EXPECT_EQ(Floats(Evaluate(Import(m), {{"x", x}})), expected);
  }
}

TEST(Import, BitsOfANegativeNumberGoOnWithOnes) {
  ModelBuilder m(11);
  m.Input("x", {2}, onnx::TensorProto::INT8);
  m.Input("by", {2}, onnx::TensorProto::INT8);
  SetString(m.Node("BitShift", {"x", "by"}, {"y"}), "direction", "RIGHT");
  m.Output("y");
  const Tensor x({DType::kI8, {2}}, std::vector<int8_t>{-5, 5});
  const Tensor by({DType::kI8, {2}}, std::vector<int8_t>{9, 9});
  const Tensor y = Evaluate(Import(m), {{"x", x}, {"by", by}});
  EXPECT_EQ(y.AsInt(0), -1);
  EXPECT_EQ(y.AsInt(1), 0);
}

TEST(Import, EveryImportedGraphIsFreeOfUnusedConstants) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Floats("unused", {1000});
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  for (const Value& value : Import(m).values) EXPECT_TRUE(value.constant.empty()) << value.name;
}

TEST(SupportedOperators, AreSortedAndUnique) {
  std::vector<std::string> names;
  for (const SupportedOperator& op : SupportedOperators()) names.push_back(op.name);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_THAT(names, Contains("Conv"));
  EXPECT_GE(names.size(), 120u);
}

}  // namespace
}  // namespace tilewright
