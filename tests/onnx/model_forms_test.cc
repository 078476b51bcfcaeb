// The forms that exporters give a model: nodes in any order, dead ones, newer opsets, external
// data, local functions, control flow, open and rebound shapes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/model_builder.h"
#include "tests/onnx/tensors.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> RunModel(const ModelBuilder& m, const std::map<std::string, Tensor>& inputs,
                            const ImportOptions& options = {}) {
  const auto graph = ImportOnnx(m.Bytes(), options);
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  const auto outputs = EvaluateGraph(*graph, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  if (!outputs.ok()) return {};
  return {outputs->at(0).as<float>(), outputs->at(0).as<float>() + outputs->at(0).size()};
}

std::string Refusal(const ModelBuilder& m, const ImportOptions& options = {}) {
  const auto graph = ImportOnnx(m.Bytes(), options);
  EXPECT_FALSE(graph.ok());
  return std::string(graph.status().message());
}

onnx::GraphProto& GraphAttribute(onnx::NodeProto& node, const std::string& name) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  return *attribute.mutable_g();
}

onnx::NodeProto& AddTo(onnx::GraphProto& graph, const std::string& op,
                       const std::vector<std::string>& inputs, const std::string& output) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

TEST(ModelForms, NodesMayStandInAnyOrder) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("Relu", {"a"}, {"y"});
  m.Node("Neg", {"x"}, {"a"});
  m.Output("y");
  EXPECT_THAT(RunModel(m, {{"x", Floats({2}, {-1, 1})}}), ElementsAre(1, 0));
}

TEST(ModelForms, WhatNoOutputNeedsIsNotLookedAt) {
  ModelBuilder m;
  m.Input("x", {1});
  m.Node("NoSuchOperator", {"x"}, {"dead"});
  onnx::TensorProto& text = *m.graph().add_initializer();
  text.set_name("labels");
  text.set_data_type(onnx::TensorProto::STRING);
  text.add_dims(1);
  m.graph().add_sparse_initializer()->mutable_values()->set_name("sparse");
  m.Node("Neg", {"x"}, {"y"});
  m.Output("y");
  EXPECT_THAT(RunModel(m, {{"x", Floats({1}, {2})}}), ElementsAre(-2));
}

TEST(ModelForms, NewerOpsetsAreTakenAsTheNewest) {
  for (int64_t opset : {23, 28, 40}) {
    ModelBuilder m(opset);
    m.Input("x", {1});
    m.Node("Relu", {"x"}, {"y"});
    m.Output("y");
    EXPECT_THAT(RunModel(m, {{"x", Floats({1}, {2})}}), ElementsAre(2));
  }
}

TEST(ModelForms, EveryRefusedNodeIsTold) {
  ModelBuilder m;
  m.Input("x", {1});
  m.Node("Strange", {"x"}, {"a"});
  m.Node("Relu", {"a"}, {"b"});
  m.Node("Stranger", {"x"}, {"c"});
  m.Node("Add", {"b", "c"}, {"y"});
  m.Output("y");
  const std::string refusal = Refusal(m);
  EXPECT_THAT(refusal, AllOf(HasSubstr("2 problems"), HasSubstr("node \"a\" (Strange)"),
                             HasSubstr("node \"c\" (Stranger)")));
  EXPECT_THAT(refusal, testing::Not(HasSubstr("Relu")));
}

class ExternalData : public testing::Test {
 protected:
  ExternalData() : folder_(testing::TempDir() + "/external_" + std::to_string(getpid())) {
    fs::create_directories(folder_ + "/model/deep");
    const std::vector<float> values = {0, 1, 2, 3};
    std::ofstream(folder_ + "/model/deep/w.bin", std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()), 16);
    fs::copy_file(folder_ + "/model/deep/w.bin", folder_ + "/outside.bin");
    fs::create_symlink("../outside.bin", folder_ + "/model/link.bin");
  }
  ~ExternalData() override { fs::remove_all(folder_); }

  absl::StatusOr<Graph> Import(const std::string& location, const std::string& offset,
                               const std::string& length) {
    ModelBuilder m;
    m.Input("x", {2});
    onnx::TensorProto& w = m.Floats("w", {2});
    w.clear_float_data();
    w.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] :
         {std::pair("location", location), {"offset", offset}, {"length", length}}) {
      onnx::StringStringEntryProto& entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    m.Node("Add", {"x", "w"}, {"y"});
    m.Output("y");
    std::ofstream(folder_ + "/model/m.onnx", std::ios::binary) << m.Bytes();
    return ImportOnnxFile(folder_ + "/model/m.onnx", {});
  }

  const std::string folder_;
};

TEST_F(ExternalData, IsReadFromBeneathTheModelsFolder) {
  const auto graph = Import("deep/w.bin", "8", "8");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto outputs = EvaluateGraph(*graph, {{"x", Floats({2}, {10, 20})}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at(0).as<float>()[1], 23);
}

TEST_F(ExternalData, IsRefusedElsewhere) {
  for (const std::string& location :
       {std::string("../outside.bin"), folder_ + "/outside.bin", std::string("link.bin"),
        std::string("deep/../../outside.bin"), std::string("deep"), std::string(),
        std::string("missing.bin"), std::string("/dev/zero")}) {
    const auto graph = Import(location, "0", "8");
    EXPECT_FALSE(graph.ok()) << location;
    EXPECT_THAT(std::string(graph.status().message()),
                AllOf(HasSubstr("initializer \"w\""), HasSubstr("external file")));
  }
}

TEST_F(ExternalData, MustHoldWhatTheTensorNeeds) {
  for (const auto& [offset, length] :
       {std::pair("12", "8"), {"0", "4"}, {"-8", "8"}, {"99999999999999", "8"}, {"x", "8"}}) {
    EXPECT_FALSE(Import("deep/w.bin", offset, length).ok()) << offset << " " << length;
  }
}

TEST(ModelForms, LocalFunctionsAreInlinedWithTheirAttributes) {
  ModelBuilder m;
  onnx::FunctionProto& function = *m.model().add_functions();
  function.set_name("Leaky");
  function.set_domain("mine");
  function.add_input("v");
  function.add_output("w");
  function.add_attribute("slope");
  onnx::NodeProto& inner = *function.add_node();
  inner.set_op_type("LeakyRelu");
  inner.add_input("v");
  inner.add_output("w");
  onnx::AttributeProto& slope = *inner.add_attribute();
  slope.set_name("alpha");
  slope.set_type(onnx::AttributeProto::FLOAT);
  slope.set_ref_attr_name("slope");
  m.Input("x", {2});
  onnx::NodeProto& call = m.Node("Leaky", {"x"}, {"y"});
  call.set_domain("mine");
  onnx::AttributeProto& given = *call.add_attribute();
  given.set_name("slope");
  given.set_type(onnx::AttributeProto::FLOAT);
  given.set_f(0.5f);
  m.Output("y");
  EXPECT_THAT(RunModel(m, {{"x", Floats({2}, {-4, 4})}}), ElementsAre(-2, 4));
}

TEST(ModelForms, AFunctionThatCallsItselfIsRefused) {
  ModelBuilder m;
  onnx::FunctionProto& function = *m.model().add_functions();
  function.set_name("Forever");
  function.set_domain("mine");
  function.add_input("v");
  function.add_output("w");
  for (const char* output : {"w", "unused"}) {
    onnx::NodeProto& inner = *function.add_node();
    inner.set_op_type("Forever");
    inner.set_domain("mine");
    inner.add_input("v");
    inner.add_output(output);
  }
  m.Input("x", {2});
  m.Node("Forever", {"x"}, {"y"}).set_domain("mine");
  m.Output("y");
  EXPECT_THAT(Refusal(m), HasSubstr("nest deeper than"));
}

// y = x + 1 or y = -x by a condition.
ModelBuilder IfModel(bool constant) {
  ModelBuilder m;
  m.Input("x", {2});
  if (constant) {
    onnx::TensorProto& c = *m.graph().add_initializer();
    c.set_name("c");
    c.set_data_type(onnx::TensorProto::BOOL);
    c.add_int32_data(0);
  } else {
    m.Input("c", {}, onnx::TensorProto::BOOL);
  }
  m.Floats("one", {1}, 1);
  onnx::NodeProto& node = m.Node("If", {"c"}, {"y"});
  onnx::GraphProto& yes = GraphAttribute(node, "then_branch");
  AddTo(yes, "Add", {"x", "one"}, "sum");
  yes.add_output()->set_name("sum");
  onnx::GraphProto& no = GraphAttribute(node, "else_branch");
  AddTo(no, "Neg", {"x"}, "negated");
  no.add_output()->set_name("negated");
  m.Output("y");
  return m;
}

TEST(ModelForms, AConstantConditionTakesItsBranch) {
  EXPECT_THAT(RunModel(IfModel(true), {{"x", Floats({2}, {3, 4})}}), ElementsAre(-3, -4));
}

TEST(ModelForms, AConditionOfARunChoosesBetweenBoth) {
  for (const uint8_t condition : {0, 1}) {
    const auto y = RunModel(IfModel(false),
                            {{"x", Floats({2}, {3, 4})},
                             {"c", Tensor({DType::kBool, {}}, std::vector<uint8_t>{condition})}});
    EXPECT_THAT(y, condition ? ElementsAre(4, 5) : ElementsAre(-3, -4));
  }
}

// Doubles x `count` times and collects what it was.
ModelBuilder LoopModel(int64_t count) {
  ModelBuilder m;
  m.Input("x", {2});
  onnx::TensorProto& trips = m.Ints("trips", {count});
  trips.clear_dims();
  onnx::NodeProto& node = m.Node("Loop", {"trips", "", "x"}, {"last", "all"});
  onnx::GraphProto& body = GraphAttribute(node, "body");
  for (const char* name : {"i", "going", "v"}) body.add_input()->set_name(name);
  AddTo(body, "Identity", {"going"}, "still");
  AddTo(body, "Add", {"v", "v"}, "doubled");
  AddTo(body, "Identity", {"v"}, "before");
  for (const char* name : {"still", "doubled", "before"}) body.add_output()->set_name(name);
  return m;
}

TEST(ModelForms, ALoopOfConstantCountIsUnrolled) {
  ModelBuilder m = LoopModel(3);
  m.Output("all");
  m.Output("last");
  EXPECT_THAT(RunModel(m, {{"x", Floats({2}, {1, 3})}}), ElementsAre(1, 3, 2, 6, 4, 12));
}

TEST(ModelForms, AnEndlessLoopIsRefused) {
  ModelBuilder m = LoopModel(int64_t{1} << 60);
  m.Output("last");
  EXPECT_THAT(Refusal(m), HasSubstr("(Loop): needs a constant number of iterations"));
}

TEST(ModelForms, AScanRunsOverItsSlices) {
  ModelBuilder m;
  m.Input("x", {3, 2});
  m.Floats("zero", {2}, 0);
  onnx::NodeProto& node = m.Node("Scan", {"zero", "x"}, {"total", "sums"});
  SetInt(node, "num_scan_inputs", 1);
  onnx::GraphProto& body = GraphAttribute(node, "body");
  for (const char* name : {"sum", "row"}) body.add_input()->set_name(name);
  AddTo(body, "Add", {"sum", "row"}, "next");
  AddTo(body, "Identity", {"next"}, "copy");
  for (const char* name : {"next", "copy"}) body.add_output()->set_name(name);
  m.Output("sums");
  EXPECT_THAT(RunModel(m, {{"x", Floats({3, 2}, {1, 2, 3, 4, 5, 6})}}),
              ElementsAre(1, 2, 4, 6, 9, 12));
}

TEST(ModelForms, ADeclaredShapeMayBeRebound) {
  ModelBuilder m;
  m.Input("x", {1, 2});
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  EXPECT_THAT(RunModel(m, {{"x", Floats({3, 1}, {1, -2, 3})}}, {.input_shapes = {{"x", {3, 1}}}}),
              ElementsAre(1, 0, 3));
}

// a [N,2] and b [N,-1].
ModelBuilder OpenModel() {
  ModelBuilder m;
  m.Input("a", {-1, 2});
  onnx::ValueInfoProto& b = m.Input("b", {-1, 2});
  b.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(-1);
  m.Node("Mul", {"a", "b"}, {"y"});
  m.Output("y");
  return m;
}

TEST(ModelForms, EveryOpenDimensionIsToldWithOptionsThatBindIt) {
  EXPECT_THAT(Refusal(OpenModel()), AllOf(HasSubstr("input \"a\": dimension 0 \"N\" is dynamic"),
                                          HasSubstr("input \"b\": dimension 1 is dynamic"),
                                          HasSubstr("--input-shape a:1,2 --input-shape b:1,1")));
}

TEST(ModelForms, ANamedDimensionIsBoundOnceForAllInputs) {
  const std::map<std::string, Tensor> inputs = {{"a", Floats({2, 2}, {1, 2, 3, 4})},
                                                {"b", Floats({2, 2}, {1, 1, 2, 2})}};
  EXPECT_THAT(RunModel(OpenModel(), inputs, {.input_shapes = {{"b", {2, 2}}}}),
              ElementsAre(1, 2, 6, 8));
  EXPECT_THAT(Refusal(OpenModel(), {.dims = {{"N", 2}}}), HasSubstr("--input-shape b:2,1"));
  EXPECT_THAT(Refusal(OpenModel(), {.dims = {{"M", 2}}}), HasSubstr("it has N"));
  EXPECT_THAT(Refusal(OpenModel(), {.input_shapes = {{"a", {2, 2}}, {"b", {3, 2}}}}),
              HasSubstr("\"N\" to 3, which is bound to 2"));
}

TEST(ModelForms, ManyPiecesAreJoined) {
  ModelBuilder m;
  m.Input("x", {1});
  std::vector<std::string> pieces;
  for (int i = 0; i < 1100; ++i) {
    pieces.push_back("p" + std::to_string(i));
    m.Node(i % 2 == 0 ? "Neg" : "Relu", {"x"}, {pieces.back()});
  }
  SetInt(m.Node("Concat", pieces, {"y"}), "axis", 0);
  m.Output("y");
  const auto y = RunModel(m, {{"x", Floats({1}, {2})}});
  ASSERT_EQ(y.size(), 1100u);
  EXPECT_THAT(std::vector<float>(y.end() - 4, y.end()), ElementsAre(-2, 2, -2, 2));
}

}  // namespace
}  // namespace tilewright
