// Bad models: each kind is refused with a message that says what is wrong and where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "compiler/onnx/import.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

// y = Relu(x) for x: float32[2,3].
ModelBuilder ReluModel(const Shape& shape = {2, 3}) {
  ModelBuilder m;
  m.Input("x", shape);
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  return m;
}

template <typename Matcher>
void ExpectRefused(const std::string& bytes, StatusCode code, const Matcher& message,
                   const ImportOptions& options = {}) {
  const absl::StatusOr<Graph> graph = ImportOnnx(bytes, options);
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.status().code(), code) << graph.status();
  EXPECT_THAT(std::string(graph.status().message()), message);
}

template <typename Matcher>
void ExpectInvalid(const std::string& bytes, const Matcher& message,
                   const ImportOptions& options = {}) {
  ExpectRefused(bytes, StatusCode::kInvalidArgument, message, options);
}

TEST(ImportErrors, AnEmptyFileIsNoModel) { ExpectInvalid("", HasSubstr("it is empty")); }

TEST(ImportErrors, BytesOfAnotherFormatAreNoModel) {
  ExpectInvalid("\x89PNG\r\n and so on", HasSubstr("not an ONNX model"));
}

TEST(ImportErrors, TextIsNoModel) {
  ExpectInvalid("hello, this is not a model\n", HasSubstr("not an ONNX model"));
}

TEST(ImportErrors, EveryTruncationIsRefusedWithoutACrash) {
  const std::string whole = ReluModel().Bytes();
  ASSERT_TRUE(ImportOnnx(whole, {}).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ImportOnnx(whole.substr(0, size), {}).ok()) << size << " bytes";
  }
}

TEST(ImportErrors, AModelWithoutGraphIsNamedAsSuch) {
  onnx::ModelProto model;
  model.add_opset_import()->set_version(17);
  ExpectInvalid(model.SerializeAsString(), HasSubstr("it has no graph"));
}

TEST(ImportErrors, AModelWithoutOpsetIsRefused) {
  ModelBuilder m = ReluModel();
  m.model().clear_opset_import();
  ExpectInvalid(m.Bytes(), HasSubstr("imports no opset"));
}

TEST(ImportErrors, AnOpsetOutsideTheSupportedRangeIsNamed) {
  for (int64_t opset : {int64_t{6}, int64_t{1001}, int64_t{-1}}) {
    ModelBuilder m = ReluModel();
    m.model().mutable_opset_import(0)->set_version(opset);
    ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                  HasSubstr(absl::StrCat("opset ", opset, "; supported are 7 and newer")));
  }
}

TEST(ImportErrors, AnUnknownOperatorIsNamedWithItsNode) {
  ModelBuilder m = ReluModel();
  m.graph().mutable_node(0)->set_op_type("FancyOp");
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("node \"y\" (FancyOp): operator FancyOp is not supported"));
}

TEST(ImportErrors, AnOperatorOfAnotherDomainIsNamedWithItsDomain) {
  ModelBuilder m = ReluModel();
  m.graph().mutable_node(0)->set_domain("com.example");
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("operator Relu of domain com.example"));
}

TEST(ImportErrors, AnOperatorNewerThanTheModelsOpsetIsRefused) {
  ModelBuilder m(9);
  m.Input("x", {2, 3});
  m.Node("HardSwish", {"x"}, {"y"});
  m.Output("y");
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("supported from opset 14, the model has opset 9"));
}

TEST(ImportErrors, ControlFlowWithoutItsGraphsIsRefused) {
  ModelBuilder m;
  m.Input("x", {1}, onnx::TensorProto::BOOL);
  m.Node("If", {"x"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("node \"y\" (If): lacks the graph then_branch"));
}

TEST(ImportErrors, ADynamicDimensionTellsHowToBindIt) {
  ExpectInvalid(ReluModel({-1, 3, 224, 224}).Bytes(),
                AllOf(HasSubstr("input \"x\": dimension 0 \"N\" is dynamic"),
                      HasSubstr("--input-shape x:1,3,224,224")));
}

TEST(ImportErrors, AnInputWithoutShapeTellsHowToBindIt) {
  ModelBuilder m = ReluModel();
  m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  ExpectInvalid(m.Bytes(), HasSubstr("declares no shape: bind it with --input-shape x:"));
}

TEST(ImportErrors, AnInputWithoutTypeIsRefused) {
  ModelBuilder m = ReluModel();
  m.graph().mutable_input(0)->clear_type();
  ExpectInvalid(m.Bytes(), HasSubstr("input \"x\": the model declares no type"));
}

TEST(ImportErrors, ABindingThatContradictsTheModelIsRefused) {
  ExpectInvalid(ReluModel({-1, 3}).Bytes(), HasSubstr("binds it to 1,4,1, the model declares N,3"),
                {.input_shapes = {{"x", {1, 4, 1}}}});
}

TEST(ImportErrors, ABindingForAnUnknownInputListsTheKnown) {
  ExpectInvalid(ReluModel().Bytes(), HasSubstr("no input \"z\"; it has x"),
                {.input_shapes = {{"z", {1}}}});
}

TEST(ImportErrors, NegativeDimensionsAreRefused) {
  ModelBuilder m = ReluModel();
  m.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(-5);
  ExpectInvalid(m.Bytes(), HasSubstr("dimension 0 is -5, it must not be negative"));
}

TEST(ImportErrors, OverflowingDimensionsAreRefused) {
  ExpectInvalid(ReluModel({int64_t{1} << 40, int64_t{1} << 40}).Bytes(),
                HasSubstr("more than 2^40 elements"));
}

TEST(ImportErrors, TooManyDimensionsAreRefused) {
  ExpectInvalid(ReluModel(Shape(9, 1)).Bytes(), HasSubstr("rank 9 is above the limit of 8"));
}

TEST(ImportErrors, MapsAreRefused) {
  ModelBuilder m = ReluModel();
  m.graph().mutable_input(0)->mutable_type()->mutable_map_type();
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("only tensors, sequences of tensors and"));
}

TEST(ImportErrors, AnElementTypeThatTheOperatorDoesNotTakeIsNamedWithThoseThatItTakes) {
  ModelBuilder m;
  m.Input("x", {1, 2, 3}, onnx::TensorProto::INT8);
  for (const char* name : {"s", "b", "m", "v"}) m.Input(name, {2}, onnx::TensorProto::INT8);
  m.Node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), AllOf(HasSubstr("(BatchNormalization)"),
                                 HasSubstr("input 0 is int8; it takes floats")));
}

TEST(ImportErrors, UnsupportedElementTypesAreNamed) {
  ModelBuilder m;
  m.Input("x", {2}, onnx::TensorProto::FLOAT8E5M2);
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("input \"x\": element type FLOAT8E5M2 is not supported"));
}

TEST(ImportErrors, ACycleIsCalledACycle) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("Add", {"x", "b"}, {"a"});
  m.Node("Relu", {"a"}, {"b"});
  m.Output("b");
  ExpectInvalid(m.Bytes(), AllOf(HasSubstr("node \"a\" (Add)"), HasSubstr("form a cycle"),
                                 HasSubstr("node \"b\" (Relu)")));
}

TEST(ImportErrors, ANodeThatReadsItselfIsACycle) {
  ModelBuilder m;
  m.Node("Relu", {"y"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("form a cycle"));
}

TEST(ImportErrors, ADanglingInputIsNamed) {
  ModelBuilder m = ReluModel();
  m.graph().mutable_node(0)->set_input(0, "ghost");
  ExpectInvalid(m.Bytes(), HasSubstr("reads \"ghost\", which nothing in the model defines"));
}

TEST(ImportErrors, ADanglingOutputIsNamed) {
  ModelBuilder m = ReluModel();
  m.Output("ghost");
  ExpectInvalid(m.Bytes(), HasSubstr("output \"ghost\" is defined by nothing"));
}

TEST(ImportErrors, AModelWithoutOutputsIsRefused) {
  ModelBuilder m = ReluModel();
  m.graph().clear_output();
  ExpectInvalid(m.Bytes(), HasSubstr("has no outputs"));
}

TEST(ImportErrors, AValueDefinedTwiceIsNamed) {
  ModelBuilder m = ReluModel();
  m.Node("Neg", {"x"}, {"y"});
  ExpectInvalid(m.Bytes(), HasSubstr("duplicate name: \"y\" is defined already"));
}

TEST(ImportErrors, DuplicateInputsAndInitializersAreNamed) {
  ModelBuilder inputs = ReluModel();
  inputs.Input("x", {2, 3});
  ExpectInvalid(inputs.Bytes(), HasSubstr("two inputs are named \"x\""));
  ModelBuilder initializers = ReluModel();
  initializers.Floats("w", {1});
  initializers.Floats("w", {1});
  ExpectInvalid(initializers.Bytes(), HasSubstr("two initializers are named \"w\""));
}

TEST(ImportErrors, DuplicateOutputsAreNamed) {
  ModelBuilder m = ReluModel();
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("two outputs are named \"y\""));
}

TEST(ImportErrors, ExternalDataOfAModelThatIsNoFileIsRefused) {
  ModelBuilder m = ReluModel();
  onnx::TensorProto& w = m.Floats("w", {2});
  w.clear_float_data();
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto& entry = *w.add_external_data();
  entry.set_key("location");
  entry.set_value("weights.bin");
  m.graph().mutable_node(0)->set_op_type("Add");
  m.graph().mutable_node(0)->add_input("w");
  ExpectInvalid(m.Bytes(), AllOf(HasSubstr("initializer \"w\""), HasSubstr("external file")));
}

TEST(ImportErrors, InitializersOfTheWrongSizeAreRefused) {
  ModelBuilder few = ReluModel();
  few.Floats("w", {2}).add_float_data(1);
  few.Output("w");
  ExpectInvalid(few.Bytes(), HasSubstr("data has 3 elements where float32[2] needs 2"));
  ModelBuilder raw = ReluModel();
  onnx::TensorProto& w = raw.Floats("w", {2});
  w.clear_float_data();
  w.set_raw_data("12345");
  raw.Output("w");
  ExpectInvalid(raw.Bytes(), HasSubstr("data has 5 bytes where float32[2] needs 8"));
}

TEST(ImportErrors, AHugeInitializerWithoutDataIsRefusedBeforeItIsAllocated) {
  ModelBuilder m = ReluModel();
  onnx::TensorProto& w = m.Floats("w", {2});
  w.set_dims(0, int64_t{1} << 39);
  m.Output("w");
  ExpectInvalid(m.Bytes(), HasSubstr("initializer \"w\": data has"));
}

TEST(ImportErrors, AWronglyTypedAttributeIsNamed) {
  ModelBuilder m;
  m.Input("x", {2, 3});
  SetString(m.Node("Softmax", {"x"}, {"y"}), "axis", "last");
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("attribute axis is of type STRING, not INT"));
}

TEST(ImportErrors, AMissingInputIsNamed) {
  ModelBuilder m;
  m.Input("x", {2, 3});
  m.Node("Add", {"x"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("node \"y\" (Add): lacks input 1"));
}

TEST(ImportErrors, AnAbsentInputAmongManyIsNamed) {
  for (const char* op_type : {"Sum", "Concat"}) {
    ModelBuilder m;
    m.Input("x", {2, 3});
    m.Node(op_type, {"x", "", "x"}, {"y"});
    m.Output("y");
    ExpectInvalid(m.Bytes(), HasSubstr("lacks input 1"));
  }
}

TEST(ImportErrors, ShapesThatDoNotBroadcastAreShown) {
  ModelBuilder m;
  m.Input("x", {2, 3});
  m.Input("z", {4});
  m.Node("Add", {"x", "z"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("shapes [2,3] and [4] do not broadcast"));
}

TEST(ImportErrors, MixedElementTypesAreShown) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Input("z", {2}, onnx::TensorProto::INT64);
  m.Node("Add", {"x", "z"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("different element types: float32 and int64"));
}

TEST(ImportErrors, AShapeKnownOnlyAtRunTimeIsRefused) {
  ModelBuilder m;
  m.Input("x", {2, 3});
  m.Input("s", {1}, onnx::TensorProto::INT64);
  m.Node("Reshape", {"x", "s"}, {"y"});
  m.Output("y");
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("needs a constant shape, but \"s\" is only known at run time"));
}

TEST(ImportErrors, AReshapeOfAnotherSizeIsShown) {
  ModelBuilder m;
  m.Input("x", {2, 3});
  m.Ints("s", {4, -1});
  m.Node("Reshape", {"x", "s"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("cannot reshape [2,3] to [4,1]"));
}

TEST(ImportErrors, AConvolutionWhoseChannelsDoNotFitIsRefused) {
  ModelBuilder m;
  m.Input("x", {1, 3, 8, 8});
  m.Floats("w", {4, 5, 3, 3});
  m.Node("Conv", {"x", "w"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("data with 3 channels, weight with 4 filters of 5"));
}

TEST(ImportErrors, AWindowLargerThanItsInputIsRefused) {
  ModelBuilder m;
  m.Input("x", {1, 1, 2, 2});
  SetInts(m.Node("MaxPool", {"x"}, {"y"}), "kernel_shape", {3, 3});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("a window of 3 does not fit"));
}

TEST(ImportErrors, StridesOfZeroAreRefused) {
  ModelBuilder m;
  m.Input("x", {1, 1, 2, 2});
  onnx::NodeProto& pool = m.Node("MaxPool", {"x"}, {"y"});
  SetInts(pool, "kernel_shape", {1, 1});
  SetInts(pool, "strides", {0, 1});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("strides [0,1] must be 2 values of 1 or more"));
}

TEST(ImportErrors, AnOutputThatAnOperatorDoesNotHaveIsRefusedWhereItIsRead) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("Relu", {"x"}, {"y", "extra"});
  m.Node("Neg", {"extra"}, {"z"});
  m.Output("z");
  ExpectRefused(m.Bytes(), StatusCode::kUnimplemented,
                HasSubstr("reads \"extra\", an output of node \"y\" (Relu) that is not supported"));
}

TEST(ImportErrors, AResultBeyondTheLimitsIsRefused) {
  ModelBuilder m;
  m.Input("x", {1, 2});
  m.Ints("s", {int64_t{1} << 30, int64_t{1} << 30});
  m.Node("Tile", {"x", "s"}, {"y"});
  m.Output("y");
  ExpectInvalid(m.Bytes(), HasSubstr("more than 2^40 elements"));
}

TEST(ImportErrors, AFileThatIsNotThereIsNotFound) {
  const absl::StatusOr<Graph> graph = ImportOnnxFile("/nonexistent/model.onnx", {});
  EXPECT_EQ(graph.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("/nonexistent/model.onnx"));
}

TEST(ImportErrors, AFolderIsNoFile) {
  EXPECT_EQ(ImportOnnxFile("/tmp", {}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tilewright
