// Sequences and optionals: what is made of them, what models may take and give, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Row(std::vector<float> values) {
  const Shape shape = {static_cast<int64_t>(values.size())};
  return Tensor({DType::kF32, shape}, values);
}

template <typename Matcher>
void ExpectRefused(const ModelBuilder& m, const Matcher& message,
                   const ImportOptions& options = {}) {
  const absl::StatusOr<Graph> graph = ImportOnnx(m.Bytes(), options);
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(std::string(graph.status().message()), message);
}

// x [6] in parts of two or as listed, joined again in another order.
TEST(Sequences, PartsOfATensorAreTakenInsertedErasedAndJoined) {
  ModelBuilder m;
  m.Input("x", {6});
  m.Ints("two", {2}).clear_dims();
  m.Ints("first", {0}).clear_dims();
  m.Ints("last", {-1}).clear_dims();
  m.Node("SplitToSequence", {"x", "two"}, {"s"});
  m.Node("SequenceAt", {"s", "last"}, {"tail"});
  m.Node("SequenceErase", {"s"}, {"shorter"});
  m.Node("SequenceInsert", {"shorter", "tail", "first"}, {"turned"});
  SetInt(m.Node("ConcatFromSequence", {"turned"}, {"y"}), "axis", 0);
  m.Node("SequenceLength", {"turned"}, {"n"});
  m.Output("y");
  m.Output("n");
  const auto outputs = RunBoth(m, {{"x", Row({1, 2, 3, 4, 5, 6})}});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_THAT(Values(outputs[0]), ElementsAre(5, 6, 1, 2, 3, 4));
  EXPECT_THAT(Values(outputs[1]), ElementsAre(3));
}

TEST(Sequences, AreStackedAlongANewAxisAndSplitWithoutIt) {
  ModelBuilder m;
  m.Input("x", {3, 2});
  onnx::NodeProto& split = m.Node("SplitToSequence", {"x"}, {"s"});
  SetInt(split, "axis", 1);
  SetInt(split, "keepdims", 0);
  onnx::NodeProto& join = m.Node("ConcatFromSequence", {"s"}, {"y"});
  SetInt(join, "axis", 0);
  SetInt(join, "new_axis", 1);
  m.Output("y");
  const Tensor x({DType::kF32, {3, 2}}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const auto outputs = RunBoth(m, {{"x", x}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].shape(), (Shape{2, 3}));
  EXPECT_THAT(Values(outputs[0]), ElementsAre(1, 3, 5, 2, 4, 6));
}

ModelBuilder ChoiceModel(const Shape& second) {
  ModelBuilder m;
  m.Input("a", {2});
  m.Input("b", second);
  m.Input("i", {}, onnx::TensorProto::INT64);
  m.Node("SequenceConstruct", {"a", "b"}, {"s"});
  m.Node("SequenceAt", {"s", "i"}, {"y"});
  m.Output("y");
  return m;
}

TEST(Sequences, APositionOfTheRunChoosesAmongTensorsOfOneType) {
  for (const auto& [position, expected] :
       std::vector<std::pair<int64_t, std::vector<double>>>{{1, {3, 4}}, {-2, {1, 2}}}) {
    const Tensor i({DType::kI64, {}}, std::vector<int64_t>{position});
    const auto outputs =
        RunBoth(ChoiceModel({2}), {{"a", Row({1, 2})}, {"b", Row({3, 4})}, {"i", i}});
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(Values(outputs[0]), expected);
  }
  ExpectRefused(ChoiceModel({3}), AllOf(HasSubstr("(SequenceAt)"), HasSubstr("constant position")));
}

// A model's own sequences.
ModelBuilder SequenceModel() {
  ModelBuilder m;
  onnx::ValueInfoProto& input = *m.graph().add_input();
  input.set_name("s");
  input.mutable_type()
      ->mutable_sequence_type()
      ->mutable_elem_type()
      ->mutable_tensor_type()
      ->set_elem_type(onnx::TensorProto::FLOAT);
  m.Input("x", {2});
  m.Node("SequenceInsert", {"s", "x"}, {"y"});
  m.Output("y");
  return m;
}

TEST(Sequences, InputsAndOutputsAreTheirTensorsByNumber) {
  const ImportOptions options{.input_shapes = {{"s.0", {1}}, {"s.1", {3}}},
                              .dims = {{"s.length", 2}}};
  const auto graph = ImportOnnx(SequenceModel().Bytes(), options);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(graph->output_names, ElementsAre("y.0", "y.1", "y.2"));
  const auto outputs =
      RunCompiled(*graph, {{"s.0", Row({1})}, {"s.1", Row({2, 3, 4})}, {"x", Row({5, 6})}});
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_THAT(Values(outputs[1]), ElementsAre(2, 3, 4));
  EXPECT_THAT(Values(outputs[2]), ElementsAre(5, 6));
}

TEST(Sequences, AnOpenLengthTellsHowToBindIt) {
  ExpectRefused(SequenceModel(), AllOf(HasSubstr("input \"s\""), HasSubstr("--dim s.length=2"),
                                       HasSubstr("the inputs s.0")));
  ExpectRefused(SequenceModel(), HasSubstr("--input-shape s.0:"), {.dims = {{"s.length", 1}}});
  ExpectRefused(SequenceModel(), HasSubstr("its length is 5000, outside 0..4096"),
                {.dims = {{"s.length", 5000}}});
}

TEST(Sequences, AnOperatorOnTensorsRefusesThem) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("SequenceConstruct", {"x"}, {"s"});
  m.Node("Relu", {"s"}, {"y"});
  m.Output("y");
  ExpectRefused(m, AllOf(HasSubstr("(Relu)"), HasSubstr("input 0 is a sequence where a tensor")));
}

TEST(Sequences, AnOperatorOnThemRefusesTensors) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("SequenceLength", {"x"}, {"y"});
  m.Output("y");
  ExpectRefused(m, AllOf(HasSubstr("(SequenceLength)"), HasSubstr("where a sequence is needed")));
}

TEST(Sequences, APositionOutsideIsNamed) {
  ModelBuilder m;
  m.Input("x", {2});
  m.Ints("i", {1});
  m.Node("SequenceConstruct", {"x"}, {"s"});
  m.Node("SequenceAt", {"s", "i"}, {"y"});
  m.Output("y");
  ExpectRefused(m, HasSubstr("position 1 is outside a sequence of 1 tensors"));
}

TEST(Optionals, AreKnownToHoldSomethingOrNothing) {
  ModelBuilder m(18);
  m.Input("x", {2});
  m.Node("Optional", {"x"}, {"some"});
  m.Node("Optional", {}, {"none"});
  m.Node("OptionalHasElement", {"some"}, {"yes"});
  m.Node("OptionalHasElement", {"none"}, {"no"});
  m.Node("OptionalGetElement", {"some"}, {"y"});
  for (const char* name : {"yes", "no", "y"}) m.Output(name);
  const auto outputs = RunBoth(m, {{"x", Row({1, 2})}});
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_THAT(Values(outputs[0]), ElementsAre(1));
  EXPECT_THAT(Values(outputs[1]), ElementsAre(0));
  EXPECT_THAT(Values(outputs[2]), ElementsAre(1, 2));
}

TEST(Optionals, NothingIsNotTaken) {
  ModelBuilder m(18);
  m.Node("Optional", {}, {"none"});
  m.Node("OptionalGetElement", {"none"}, {"y"});
  m.Output("y");
  ExpectRefused(m, HasSubstr("the optional holds nothing"));
}

}  // namespace
}  // namespace tilewright
