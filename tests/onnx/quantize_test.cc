// Models written in eight-bit integers and 16-bit floats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/quantize/float32_nodes.h"
#include "compiler/onnx/quantize/linear_layers.h"
#include "compiler/onnx/quantize/model_source.h"
#include "compiler/onnx/quantize/narrow_floats.h"
#include "compiler/onnx/quantize/qdq.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 7;

onnx::TensorProto& Random(ModelBuilder& m, const std::string& name, const Shape& shape, Rng& rng) {
  onnx::TensorProto& tensor = m.Floats(name, shape);
  for (float& value : *tensor.mutable_float_data()) {
    value = static_cast<float>(rng.Uniform(-1, 1));
  }
  return tensor;
}

// Two convolutions that read x, their sum through a Gemm with a bias.
ModelBuilder TwoConvolutions(int64_t opset = 17) {
  Rng rng(kSeed);
  ModelBuilder m(opset);
  m.Input("x", {1, 3, 4, 4});
  Random(m, "w1", {2, 3, 3, 3}, rng);
  Random(m, "b1", {2}, rng);
  Random(m, "w2", {2, 3, 1, 1}, rng);
  Random(m, "w3", {3, 8}, rng);
  Random(m, "b3", {3}, rng);
  m.Node("Conv", {"x", "w1", "b1"}, {"c1"});
  onnx::NodeProto& second = m.Node("Conv", {"x", "w2"}, {"c2"});
  SetInts(second, "strides", {2, 2});
  m.Node("Add", {"c1", "c2"}, {"sum"});
  m.Node("Flatten", {"sum"}, {"flat"});
  SetInt(m.Node("Gemm", {"flat", "w3", "b3"}, {"y"}), "transB", 1);
  m.Output("y");
  m.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::FLOAT);
  return m;
}

std::vector<float> RunModel(const onnx::ModelProto& model,
                            const std::map<std::string, Tensor>& inputs) {
  const auto graph = ImportOnnx(model.SerializeAsString(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  const auto outputs = EvaluateGraph(*graph, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  if (!outputs.ok()) return {};
  EXPECT_EQ(outputs->at(0).dtype(), DType::kF32);
  return {outputs->at(0).as<float>(), outputs->at(0).as<float>() + outputs->at(0).size()};
}

std::map<std::string, Tensor> Input() {
  Rng rng(kSeed + 1);
  Tensor x({DType::kF32, {1, 3, 4, 4}});
  for (int64_t i = 0; i < x.size(); ++i) x.Set(i, rng.Uniform(-1, 1));
  return {{"x", x}};
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::fmax(largest, std::fabs(a[i] - b[i]));
  return largest;
}

int CountOf(const onnx::ModelProto& model, const std::string& op) {
  const auto& nodes = model.graph().node();
  return static_cast<int>(std::count_if(
      nodes.begin(), nodes.end(), [&](const onnx::NodeProto& n) { return n.op_type() == op; }));
}

const std::map<std::string, ValueRange> kRanges = {{"x", {-1, 1}}, {"flat", {-8, 8}}};

class QdqScales : public testing::TestWithParam<bool> {};

TEST_P(QdqScales, ComputesWhatTheModelComputesUpToTheLevels) {
  ModelBuilder m = TwoConvolutions();
  const auto quantized = WithQuantizers(m.model(), kRanges, {.per_channel = GetParam()});
  ASSERT_TRUE(quantized.ok()) << quantized.status();
  const std::vector<float> want = RunModel(m.model(), Input());
  const std::vector<float> got = RunModel(*quantized, Input());
  const double difference = LargestDifference(got, want);
  EXPECT_LT(difference, 0.15) << "seed " << kSeed;
  EXPECT_GT(difference, 0) << "it is quantised";
}

INSTANTIATE_TEST_SUITE_P(Both, QdqScales, testing::Bool());

TEST(Qdq, ATensorThatTwoLayersReadIsQuantisedOnce) {
  ModelBuilder m = TwoConvolutions();
  const auto quantized = WithQuantizers(m.model(), kRanges, {});
  ASSERT_TRUE(quantized.ok()) << quantized.status();
  EXPECT_EQ(CountOf(*quantized, "QuantizeLinear"), 2) << "of x and flat";
  EXPECT_EQ(CountOf(*quantized, "DequantizeLinear"), 2 + 3 + 2) << "and of weights and biases";
  EXPECT_EQ(FindConstant(quantized->graph(), "w1"), nullptr) << "nothing reads it";
}

TEST(Qdq, NamesOfOthersAreLeftAlone) {
  ModelBuilder m = TwoConvolutions();
  m.Floats("x_scale", {1}, 3);
  m.Node("Mul", {"y", "x_scale"}, {"x_quantized"});
  m.Output("x_quantized");
  const auto quantized = WithQuantizers(m.model(), kRanges, {});
  ASSERT_TRUE(quantized.ok()) << quantized.status();
  EXPECT_EQ(FindConstant(quantized->graph(), "x_scale")->float_data(0), 3);
  EXPECT_FALSE(RunModel(*quantized, Input()).empty());
}

TEST(Qdq, AnInputThatIsAlwaysZeroAndAWeightOfZerosAreNoDivisionByZero) {
  ModelBuilder m = TwoConvolutions();
  for (float& value : *m.graph().mutable_initializer(0)->mutable_float_data()) value = 0;
  const auto quantized = WithQuantizers(m.model(), {{"x", {0, 0}}, {"flat", {0, 0}}}, {});
  ASSERT_TRUE(quantized.ok()) << quantized.status();
  for (const float value : RunModel(*quantized, Input())) EXPECT_TRUE(std::isfinite(value));
}

TEST(Qdq, WhatItCannotDoIsSaid) {
  ModelBuilder old = TwoConvolutions(11);
  EXPECT_THAT(std::string(WithQuantizers(old.model(), kRanges, {}).status().message()),
              HasSubstr("opset 11"));
  EXPECT_TRUE(WithQuantizers(old.model(), kRanges, {.per_channel = false}).ok());
  ModelBuilder m;
  m.Input("x", {2});
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  EXPECT_THAT(std::string(WithQuantizers(m.model(), {}, {}).status().message()),
              HasSubstr("no layer to quantise"));
}

TEST(LinearLayers, AreThoseWithConstantWeightsAndPlainProducts) {
  ModelBuilder m = TwoConvolutions();
  SetFloat(m.Node("Gemm", {"flat", "w3"}, {"scaled"}), "alpha", 2);
  m.Node("MatMul", {"flat", "flat"}, {"dynamic"});
  std::vector<std::string> names;
  for (const LinearLayer& layer : LinearLayers(m.graph())) names.push_back(layer.name);
  EXPECT_THAT(names, ElementsAre("c1", "c2", "y"));
  EXPECT_EQ(LinearLayers(m.graph())[2].channel_axis, 0);
  EXPECT_EQ(LinearLayers(m.graph())[1].bias, "");
}

TEST(ValueHistogram, RangesHoldZeroAndWhatTheirMethodSays) {
  ValueHistogram histogram;
  std::vector<float> values(10000);
  Rng rng(kSeed);
  for (float& value : values) value = static_cast<float>(std::fabs(rng.Normal()) / 4);
  histogram.Add(values);
  histogram.Add(std::vector<float>{100, -0.5f, NAN, INFINITY});
  EXPECT_EQ(histogram.not_finite(), 2);
  EXPECT_EQ(histogram.MinMax().lo, -0.5);
  EXPECT_EQ(histogram.MinMax().hi, 100);
  const ValueRange percentile = histogram.Percentile(99.9);
  EXPECT_NEAR(percentile.hi, 0.85, 0.15) << "the outlier is left out";
  EXPECT_LE(percentile.lo, 0);
  const ValueRange entropy = histogram.Entropy();
  EXPECT_LT(entropy.hi, 100);
  EXPECT_GE(entropy.hi, 1) << "seed " << kSeed;
}

TEST(ValueHistogram, OfNothingIsZero) {
  const ValueHistogram histogram;
  for (const ValueRange& range :
       {histogram.MinMax(), histogram.Percentile(99), histogram.Entropy()}) {
    EXPECT_EQ(range.lo, 0);
    EXPECT_EQ(range.hi, 0);
  }
}

TEST(NarrowFloats, ComputeInBetweenAndLeaveTheEndsAsTheyWere) {
  for (const DType to : {DType::kF16, DType::kBF16}) {
    ModelBuilder m = TwoConvolutions();
    const auto narrow = WithNarrowFloats(m.model(), to);
    ASSERT_TRUE(narrow.ok()) << narrow.status();
    EXPECT_EQ(CountOf(*narrow, "Cast"), 2);
    for (const onnx::TensorProto& weight : narrow->graph().initializer()) {
      EXPECT_NE(weight.data_type(), onnx::TensorProto::FLOAT) << weight.name();
    }
    const double difference =
        LargestDifference(RunModel(*narrow, Input()), RunModel(m.model(), Input()));
    EXPECT_LT(difference, to == DType::kF16 ? 0.01 : 0.1) << NameOf(to) << " seed " << kSeed;
    EXPECT_GT(difference, 0);
  }
}

// Two layers, each added to what it read and normalised, as one node and written out.
ModelBuilder Residuals() {
  Rng rng(kSeed);
  ModelBuilder m;
  m.Input("x", {3, 8});
  for (const char* weight : {"w1", "w2"}) Random(m, weight, {8, 8}, rng);
  for (const char* vector : {"bias", "scale", "shift"}) Random(m, vector, {8}, rng);
  m.Floats("two", {}, 2);
  m.Node("MatMul", {"x", "w1"}, {"product1"});
  m.Node("Add", {"product1", "bias"}, {"biased"});
  m.Node("Add", {"biased", "x"}, {"sum1"});
  m.Node("LayerNormalization", {"sum1", "scale", "shift"}, {"normed1"});
  m.Node("MatMul", {"normed1", "w2"}, {"product2"});
  m.Node("Relu", {"product2"}, {"active"});
  m.Node("Add", {"active", "normed1"}, {"sum2"});
  m.Node("Pow", {"sum2", "two"}, {"square"});
  SetInts(m.Node("ReduceMean", {"square"}, {"mean"}), "axes", {-1});
  m.Node("Sqrt", {"mean"}, {"root"});
  m.Node("Div", {"sum2", "root"}, {"normed2"});
  m.Node("Neg", {"normed2"}, {"y"});
  m.Output("y");
  m.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::FLOAT);
  return m;
}

std::vector<std::string> NamesOfFloat32Nodes(ModelBuilder& m) {
  const std::vector<bool> found = Float32Nodes(m.graph());
  std::vector<std::string> names;
  for (int i = 0; i < m.graph().node_size(); ++i) {
    if (found[i]) names.push_back(m.graph().node(i).name());
  }
  return names;
}

TEST(Float32Nodes, AreNormalisationsAndTheArithmeticThatLeadsToThemOrReadsThem) {
  ModelBuilder m = Residuals();
  EXPECT_THAT(NamesOfFloat32Nodes(m),
              ElementsAre("sum1", "normed1", "sum2", "square", "mean", "root", "normed2"));
  ModelBuilder convolutions = TwoConvolutions();
  EXPECT_TRUE(NamesOfFloat32Nodes(convolutions).empty());
}

TEST(Float32Nodes, AreActivationsInSeveralNodesWithoutTheBiasBeforeThem) {
  ModelBuilder m = TwoConvolutions();
  for (const char* constant : {"b", "root2", "one"}) m.Floats(constant, {}, 1.5f);
  m.Node("Add", {"y", "b"}, {"biased"});
  m.Node("Div", {"biased", "root2"}, {"scaled"});
  m.Node("Erf", {"scaled"}, {"erf"});
  m.Node("Add", {"erf", "one"}, {"shifted"});
  m.Node("Mul", {"biased", "shifted"}, {"gelu"});
  m.Node("Relu", {"gelu"}, {"z"});
  EXPECT_THAT(NamesOfFloat32Nodes(m), ElementsAre("scaled", "erf", "shifted", "gelu"));
}

TEST(Float32Nodes, AreNoneThatAGraphWithinANodeReads) {
  ModelBuilder m = Residuals();
  onnx::AttributeProto& branch = *m.Node("If", {"c"}, {"z"}).add_attribute();
  branch.set_name("then_branch");
  onnx::NodeProto& inner = *branch.mutable_g()->add_node();
  inner.set_op_type("Identity");
  inner.add_input("normed1");
  inner.add_output("inner");
  EXPECT_THAT(NamesOfFloat32Nodes(m), ElementsAre("sum2", "square", "mean", "root", "normed2"));
}

TEST(NarrowFloats, WhatNormalisationsReadAndWriteStaysFloat32) {
  for (const DType to : {DType::kF16, DType::kBF16}) {
    ModelBuilder m = Residuals();
    const auto narrow = WithNarrowFloats(m.model(), to);
    ASSERT_TRUE(narrow.ok()) << narrow.status();
    for (const char* name : {"scale", "shift", "two"}) {
      const onnx::TensorProto* kept = FindConstant(narrow->graph(), name);
      EXPECT_EQ(kept->data_type(), onnx::TensorProto::FLOAT) << name;
    }
    for (const char* name : {"w1", "w2", "bias"}) {
      const onnx::TensorProto* weight = FindConstant(narrow->graph(), name);
      EXPECT_NE(weight->data_type(), onnx::TensorProto::FLOAT) << name;
    }
    EXPECT_EQ(CountOf(*narrow, "Cast"), 7) << "x, back for sum1, biased, active, normed1, "
                                              "normed2, y";
    Rng rng(kSeed + 2);
    Tensor x({DType::kF32, {3, 8}});
    for (int64_t i = 0; i < x.size(); ++i) x.Set(i, rng.Uniform(-1, 1));
    const double difference =
        LargestDifference(RunModel(*narrow, {{"x", x}}), RunModel(m.model(), {{"x", x}}));
    EXPECT_LT(difference, to == DType::kF16 ? 0.01 : 0.08) << NameOf(to) << " seed " << kSeed;
    EXPECT_GT(difference, 0);
  }
}

TEST(NarrowFloats, ScalesOfResizeStayWide) {
  ModelBuilder m;
  m.Input("x", {1, 1, 2, 2});
  m.Floats("scales", {4}, 1);
  m.Node("Resize", {"x", "", "scales"}, {"y"});
  m.Output("y");
  const auto narrow = WithNarrowFloats(m.model(), DType::kF16);
  ASSERT_TRUE(narrow.ok()) << narrow.status();
  EXPECT_EQ(FindConstant(narrow->graph(), "scales")->data_type(), onnx::TensorProto::FLOAT);
}

TEST(NarrowFloats, AQuantisedModelIsRefused) {
  ModelBuilder m = TwoConvolutions();
  const auto quantized = WithQuantizers(m.model(), kRanges, {});
  EXPECT_THAT(std::string(WithNarrowFloats(*quantized, DType::kF16).status().message()),
              HasSubstr("quantised already"));
}

TEST(WithObserved, GivesTensorsInsideAsOutputsBehindTheOthers) {
  ModelBuilder m = TwoConvolutions();
  std::vector<std::string> names;
  const onnx::ModelProto observed = WithObserved(m.model(), {"x", "sum"}, &names);
  ASSERT_EQ(observed.graph().output_size(), 3);
  EXPECT_EQ(observed.graph().output(1).name(), names[0]);
  const auto graph = ImportOnnx(observed.SerializeAsString(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto outputs = EvaluateGraph(*graph, Input());
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at(1).AsDouble(5), Input().at("x").AsDouble(5));
  EXPECT_EQ(outputs->at(2).shape(), Shape({1, 2, 2, 2}));
}

}  // namespace
}  // namespace tilewright
