// Strings that are names of classes: as places and tables, through what moves and looks them up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/onnx/ml_models.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The label of the larger of x and 2x: "dog" where x is positive.
ModelBuilder Classifier(const std::vector<std::string>& classes = {"cat", "dog"}) {
  ModelBuilder m;
  m.Input("x", {2, 1});
  onnx::NodeProto& node = m.Node("LinearClassifier", {"x"}, {"label", "scores"});
  node.set_domain("ai.onnx.ml");
  SetFloats(node, "coefficients", {1, 2});
  SetFloats(node, "intercepts", {0, 0});
  SetStrings(node, "classlabels_strings", classes);
  return m;
}

const Tensor kPositiveThenNegative = Rows({2, 1}, {3, -3});

onnx::NodeProto& OfMl(onnx::NodeProto& node) {
  node.set_domain("ai.onnx.ml");
  return node;
}

onnx::TensorProto& AddStrings(ModelBuilder& m, const std::string& name,
                              const std::vector<std::string>& texts) {
  onnx::TensorProto& tensor = *m.graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::STRING);
  tensor.add_dims(static_cast<int64_t>(texts.size()));
  for (const std::string& text : texts) tensor.add_string_data(text);
  return tensor;
}

// The names of the only output, or of the columns.
std::vector<std::string> Classes(const ModelBuilder& m) {
  const auto graph = ImportOnnx(m.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok() || graph->output_classes.empty()) return {};
  EXPECT_EQ(graph->output_classes.begin()->first, graph->output_names[0]);
  return graph->output_classes.begin()->second;
}

// What the strings of the only output say.
std::vector<std::string> Texts(const ModelBuilder& m) {
  const std::vector<std::string> classes = Classes(m);
  const std::vector<Tensor> y = RunBoth(m, {{"x", kPositiveThenNegative}});
  std::vector<std::string> texts;
  for (double place : Values(y.at(0))) texts.push_back(classes.at(static_cast<size_t>(place)));
  return texts;
}

TEST(ClassNames, OfAClassifierAreAnOutputsAndThoseOfItsMapsColumns) {
  ModelBuilder m = Classifier();
  m.Output("label");
  EXPECT_THAT(Texts(m), ElementsAre("dog", "cat"));
  ModelBuilder zipped = Classifier();
  SetStrings(OfMl(zipped.Node("ZipMap", {"scores"}, {"maps"})), "classlabels_strings", {"a", "b"});
  zipped.Output("maps");
  EXPECT_THAT(Classes(zipped), ElementsAre("a", "b"));
}

TEST(ClassNames, OfMapsWithNumbersAreThese) {
  ModelBuilder m;
  m.Input("x", {2, 2});
  SetInts(MlNode(m, "ZipMap", {"y"}), "classlabels_int64s", {3, -7});
  EXPECT_THAT(Classes(m), ElementsAre("3", "-7"));
}

// As scikit-learn's converter writes a label that it looks up by an ArgMax.
TEST(ClassNames, AreMovedAboutWithTheirPlaces) {
  ModelBuilder m;
  m.Input("x", {2, 1});
  m.Floats("w", {1, 2}).mutable_float_data()->Set(1, 2);
  AddStrings(m, "classes", {"low", "high"});
  m.Ints("flat", {-1});
  m.Node("MatMul", {"x", "w"}, {"scores"});
  SetInt(m.Node("ArgMax", {"scores"}, {"best"}), "axis", 1);
  OfMl(m.Node("ArrayFeatureExtractor", {"classes", "best"}, {"found"}));
  SetInt(m.Node("Cast", {"found"}, {"text"}), "to", onnx::TensorProto::STRING);
  m.Node("Reshape", {"text", "flat"}, {"label"});
  m.Output("label");
  EXPECT_THAT(Texts(m), ElementsAre("high", "low"));
}

TEST(ClassNames, AreLookedUpByLabelEncoder) {
  ModelBuilder to_texts = Classifier();
  onnx::NodeProto& texts = OfMl(to_texts.Node("LabelEncoder", {"label"}, {"y"}));
  SetStrings(texts, "keys_strings", {"dog", "cow", "dog"});
  SetStrings(texts, "values_strings", {"no", "moo", "woof"});
  SetString(texts, "default_string", "?");
  to_texts.Output("y");
  EXPECT_THAT(Texts(to_texts), ElementsAre("woof", "?"));

  ModelBuilder to_numbers = Classifier();
  onnx::NodeProto& numbers = OfMl(to_numbers.Node("LabelEncoder", {"label"}, {"y"}));
  SetStrings(numbers, "keys_strings", {"cat", "dog"});
  SetFloats(numbers, "values_floats", {0.5, 1.5});
  to_numbers.Output("y");
  EXPECT_THAT(Values(RunBoth(to_numbers, {{"x", kPositiveThenNegative}}).at(0)),
              ElementsAre(1.5, 0.5));
  EXPECT_THAT(Classes(to_numbers), IsEmpty());

  ModelBuilder from_numbers;
  from_numbers.Input("x", {2, 1});
  onnx::NodeProto& names = MlNode(from_numbers, "LabelEncoder", {"y"});
  SetFloats(names, "keys_floats", {3});
  SetStrings(names, "values_strings", {"three"});
  EXPECT_THAT(Texts(from_numbers), ElementsAre("three", "_Unused"));
}

TEST(ClassNames, OfConstantsAreRead) {
  ModelBuilder m = Classifier();
  SetStrings(m.Node("Constant", {}, {"texts"}), "value_strings", {"b", "a", "b"});
  m.Node("Gather", {"texts", "place"}, {"y"});
  m.Ints("place", {2, 1});
  m.Output("y");
  EXPECT_THAT(Texts(m), ElementsAre("b", "a"));
}

TEST(ClassNames, OfDifferentSetsThatMeetBecomeOneSet) {
  ModelBuilder joined = Classifier();
  AddStrings(joined, "others", {"cow", "cat"});
  SetInt(joined.Node("Concat", {"label", "others"}, {"y"}), "axis", 0);
  joined.Output("y");
  EXPECT_THAT(Texts(joined), ElementsAre("dog", "cat", "cow", "cat"));
  ModelBuilder compared = Classifier();
  AddStrings(compared, "others", {"cow", "cat"});
  compared.Node("Equal", {"label", "others"}, {"y"});
  compared.Output("y");
  EXPECT_THAT(Values(RunBoth(compared, {{"x", kPositiveThenNegative}}).at(0)), ElementsAre(0, 1));
  EXPECT_THAT(Classes(compared), IsEmpty());
}

onnx::GraphProto& Branch(onnx::NodeProto& node, const std::string& name) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  return *attribute.mutable_g();
}

// The classifier's label, or texts of another set where the largest x is not positive.
ModelBuilder ChosenAtRunTime() {
  ModelBuilder m = Classifier();
  AddStrings(m, "others", {"cow", "cat"});
  m.Floats("zero", {}, 0);
  SetInt(m.Node("ReduceMax", {"x"}, {"largest"}), "keepdims", 0);
  m.Node("Greater", {"largest", "zero"}, {"positive"});
  onnx::NodeProto& node = m.Node("If", {"positive"}, {"y"});
  Branch(node, "then_branch").add_output()->set_name("label");
  Branch(node, "else_branch").add_output()->set_name("others");
  m.Output("y");
  return m;
}

TEST(ClassNames, OfWhatARunChoosesBetweenAreThoseOfBoth) {
  const ModelBuilder m = ChosenAtRunTime();
  EXPECT_THAT(Texts(m), ElementsAre("dog", "cat"));
  const Tensor negative = Rows({2, 1}, {-1, -2});
  const std::vector<std::string> classes = Classes(m);
  std::vector<std::string> texts;
  for (double place : Values(RunBoth(m, {{"x", negative}}).at(0))) {
    texts.push_back(classes.at(static_cast<size_t>(place)));
  }
  EXPECT_THAT(texts, ElementsAre("cow", "cat"));
}

TEST(ClassNames, AreNoNumbersThatARunCouldChooseInstead) {
  ModelBuilder m = ChosenAtRunTime();
  m.Ints("numbers", {3, 4});
  onnx::NodeProto& node = *m.graph().mutable_node(m.graph().node_size() - 1);
  node.mutable_attribute(1)->mutable_g()->mutable_output(0)->set_name("numbers");
  EXPECT_THAT(Refusal(m), HasSubstr("chooses between strings and numbers"));
}

TEST(ClassNames, AreNotComputedWith) {
  ModelBuilder sum = Classifier();
  sum.Node("Add", {"label", "label"}, {"y"});
  sum.Output("y");
  EXPECT_THAT(Refusal(sum), HasSubstr("node \"y\" (Add): computes with strings"));
  ModelBuilder number = Classifier();
  SetInt(number.Node("Cast", {"label"}, {"y"}), "to", onnx::TensorProto::INT64);
  number.Output("y");
  EXPECT_THAT(Refusal(number), HasSubstr("numbers and strings are not converted"));
  ModelBuilder keys = Classifier();
  onnx::NodeProto& encoder = OfMl(keys.Node("LabelEncoder", {"label"}, {"y"}));
  SetInts(encoder, "keys_int64s", {1});
  SetInts(encoder, "values_int64s", {1});
  keys.Output("y");
  EXPECT_THAT(Refusal(keys), HasSubstr("of numbers where the input is strings"));
}

TEST(ClassNames, OfAnotherNumberThanTheShapeSaysAreRefused) {
  ModelBuilder m = Classifier();
  AddStrings(m, "texts", {"a", "b"}).set_dims(0, 3);
  m.Node("Gather", {"texts", "place"}, {"y"});
  m.Ints("place", {0});
  m.Output("y");
  EXPECT_THAT(Refusal(m), HasSubstr("data has 2 strings where 3 are needed"));
}

}  // namespace
}  // namespace tilewright
