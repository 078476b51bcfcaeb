// ai.onnx.ml's linear models, support vectors and encoders; numbers without a derivation are those
// of ONNX's reference evaluator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/onnx/ml_models.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

TEST(LinearClassifier, ScoresAreTransformedAndTheLargestGivesTheLabel) {
  ModelBuilder m;
  m.Input("x", {2, 2});
  onnx::NodeProto& node = MlNode(m, "LinearClassifier", {"label", "scores"});
  SetFloats(node, "coefficients", {1, 0, 0, 1, -1, -1});
  SetFloats(node, "intercepts", {0, 1, 0});
  SetInts(node, "classlabels_ints", {5, 6, 7});
  SetString(node, "post_transform", "SOFTMAX");
  const std::vector<Tensor> y = RunBoth(m, {{"x", Rows({2, 2}, {2, -3, -1, 0})}}, 1e-6);
  EXPECT_THAT(Values(y.at(0)), ElementsAre(5, 6));
  const double a = std::exp(2) + std::exp(-2) + std::exp(1), b = std::exp(-1) + 2 * std::exp(1);
  EXPECT_THAT(Values(y.at(1)),
              Pointwise(DoubleNear(1e-6), {std::exp(2) / a, std::exp(-2) / a, std::exp(1) / a,
                                           std::exp(-1) / b, std::exp(1) / b, std::exp(1) / b}));
}

TEST(LinearClassifier, OneScoreForTwoClassesIsThatOfTheSecond) {
  ModelBuilder m;
  m.Input("x", {3, 1});
  onnx::NodeProto& node = MlNode(m, "LinearClassifier", {"label", "scores"});
  SetFloats(node, "coefficients", {2});
  SetFloats(node, "intercepts", {-1});
  SetInts(node, "classlabels_ints", {3, 4});
  const std::vector<Tensor> y = RunBoth(m, {{"x", Rows({3, 1}, {0, 1, 0.5F})}});
  EXPECT_THAT(Values(y.at(0)), ElementsAre(3, 4, 3));
  EXPECT_THAT(Values(y.at(1)), ElementsAre(1, -1, -1, 1, 0, 0));
}

TEST(OtherDomains, AModelThatImportsThemAloneIsRead) {
  ModelBuilder m;
  m.Input("x", {3});
  SetFloat(MlNode(m, "Binarizer", {"y"}), "threshold", 1);
  m.model().clear_opset_import();
  onnx::OperatorSetIdProto& domain = *m.model().add_opset_import();
  domain.set_domain("ai.onnx.ml");
  domain.set_version(1);
  EXPECT_THAT(Values(RunBoth(m, {{"x", Rows({3}, {0, 1, 2})}}).at(0)), ElementsAre(0, 0, 1));
}

// Three classes of two, one and two support vectors.
onnx::NodeProto& ThreeClasses(ModelBuilder& m, const std::string& kernel) {
  m.Input("x", {3, 2});
  onnx::NodeProto& node = MlNode(m, "SVMClassifier", {"label", "scores"});
  SetString(node, "kernel_type", kernel);
  SetFloats(node, "kernel_params", {0.5, 0.25, 2});
  SetInts(node, "classlabels_ints", {3, 4, 8});
  SetInts(node, "vectors_per_class", {2, 1, 2});
  SetFloats(node, "support_vectors", {0, 1, 1, -1, -1, 0.5, 2, 2, 0.5, 0});
  SetFloats(node, "coefficients", {1, -0.5, 0.75, 0.25, -1, 0.5, 1, -0.25, -1, 0.5});
  SetFloats(node, "rho", {0.1F, -0.2F, 0.3F});
  return node;
}
const Tensor kThreeRows = Rows({3, 2}, {0.5, -1, 2, 0.25, -1, 1.5});

TEST(SvmClassifier, EachPairOfClassesHasAScoreAndAVote) {
  struct Case {
    std::string kernel;
    std::vector<double> labels, scores;
  };
  const std::vector<Case> cases = {
      {"LINEAR", {4, 3, 8}, {-2.4, 0.3, 1.675, -1.93125, 1.8, -3.23125, 4.1625, -1.2, -1.3875}},
      {"POLY",
       {4, 3, 3},
       {-0.290625, 0.70625, 0.2921875, -0.0376953, 2.1359375, -5.7869139, 1.5492188, 1.4406250,
        -0.5789062}},
      {"RBF",
       {4, 3, 3},
       {-0.1427661, 0.1365844, 0.5733090, 0.0713869, -0.1318295, 0.2383750, 1.0871863, -0.0293714,
        0.1912633}},
      {"SIGMOID",
       {4, 3, 8},
       {-0.7094048, 0.0195478, 0.7853271, -0.3935733, 0.3999843, -0.2199464, 1.8493670, -0.4220098,
        -0.5374743}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.kernel);
    ModelBuilder m;
    ThreeClasses(m, c.kernel);
    const std::vector<Tensor> y = RunBoth(m, {{"x", kThreeRows}}, 1e-6);
    EXPECT_EQ(Values(y.at(0)), c.labels);
    EXPECT_THAT(Values(y.at(1)), Pointwise(DoubleNear(1e-6), c.scores));
  }
}

// The numbers are LIBSVM's, as ONNX Runtime has them; the reference evaluator couples three classes
// wrongly (onnx 1.23).
TEST(SvmClassifier, PairsAreCoupledToProbabilitiesOfClasses) {
  ModelBuilder m;
  onnx::NodeProto& node = ThreeClasses(m, "RBF");
  SetFloats(node, "prob_a", {-1.5, -2, -1});
  SetFloats(node, "prob_b", {0.1F, 0, -0.2F});
  const std::vector<Tensor> y = RunBoth(m, {{"x", kThreeRows}}, 1e-6);
  EXPECT_THAT(Values(y.at(0)), ElementsAre(4, 3, 3));
  EXPECT_THAT(Values(y.at(1)),
              Pointwise(DoubleNear(2e-6), {0.3192514, 0.4565631, 0.2241857, 0.3106008, 0.3816714,
                                           0.3077278, 0.4660033, 0.2075291, 0.3264676}));
}

TEST(SvmClassifier, OneMachineForTwoClassesScoresBoth) {
  ModelBuilder m;
  m.Input("x", {3, 2});
  onnx::NodeProto& node = MlNode(m, "SVMClassifier", {"label", "scores"});
  SetString(node, "kernel_type", "RBF");
  SetFloats(node, "kernel_params", {0.5, 0, 0});
  SetInts(node, "classlabels_ints", {3, 4});
  SetInts(node, "vectors_per_class", {1, 2});
  SetFloats(node, "support_vectors", {0, 1, 1, -1, -1, 0.5});
  SetFloats(node, "coefficients", {1, -0.5, -0.75});
  SetFloats(node, "rho", {0.05F});
  const std::vector<Tensor> y = RunBoth(m, {{"x", kThreeRows}}, 1e-6);
  EXPECT_THAT(Values(y.at(0)), ElementsAre(4, 3, 3));
  EXPECT_THAT(Values(y.at(1)), Pointwise(DoubleNear(1e-6), {0.3508649, -0.3508649, -0.0052360,
                                                            0.0052360, -0.1273903, 0.1273903}));
}

TEST(SvmRegressor, KernelsAreWeighedAndAnOutlierIsMinusOne) {
  for (const bool one_class : {false, true}) {
    ModelBuilder m;
    m.Input("x", {3, 2});
    onnx::NodeProto& node = MlNode(m, "SVMRegressor", {"y"});
    SetString(node, "kernel_type", "POLY");
    SetFloats(node, "kernel_params", {0.5, 0.25, 2});
    SetInt(node, "n_supports", 2);
    SetFloats(node, "support_vectors", {0, 1, 1, -1});
    SetFloats(node, "coefficients", {1, -0.5});
    SetFloats(node, "rho", {0.1F});
    SetInt(node, "one_class", one_class);
    const Tensor y = RunBoth(m, {{"x", kThreeRows}}, 1e-6).at(0);
    const std::vector<double> score = {-0.3375, -0.3921875, 0.6}, side = {-1, -1, 1};
    EXPECT_THAT(Values(y), Pointwise(DoubleNear(1e-6), one_class ? side : score));
  }
}

TEST(SvmClassifier, ListsThatDoNotFitAreRefused) {
  ModelBuilder m;
  onnx::NodeProto& node = ThreeClasses(m, "RBF");
  for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.name() == "vectors_per_class") attribute.set_ints(0, 3);
  }
  EXPECT_THAT(Refusal(m), HasSubstr("coefficients has 10 elements where 2 x 6 are needed"));
}

TEST(LabelEncoder, ElementsAreLookedUpTheLastOfARepeatedKeyCounting) {
  ModelBuilder m;
  m.Input("x", {2, 3}, onnx::TensorProto::INT64);
  onnx::NodeProto& node = MlNode(m, "LabelEncoder", {"y"});
  SetInts(node, "keys_int64s", {5, -1, 9, 5, 7});
  SetFloats(node, "values_floats", {0.5, 2, 3, 9, 4});
  SetFloat(node, "default_float", -3);
  const Tensor x({DType::kI64, {2, 3}}, std::vector<int64_t>{-1, 5, 7, 8, 9, -2});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), ElementsAre(2, 9, 4, -3, 3, -3));
}

TEST(LabelEncoder, NanIsAKeyLikeOthers) {
  ModelBuilder m;
  m.Input("x", {4});
  onnx::NodeProto& node = MlNode(m, "LabelEncoder", {"y"});
  SetFloats(node, "keys_floats", {std::numeric_limits<float>::quiet_NaN(), 1, 2});
  SetInts(node, "values_int64s", {5, 6, 7});
  const Tensor x = Rows({4}, {1, std::numeric_limits<float>::quiet_NaN(), 7, 2});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), ElementsAre(6, 5, -1, 7));
}

TEST(LabelEncoder, KeysAndValuesInTensorsKeepTheirTypes) {
  ModelBuilder m;
  m.Input("x", {3}, onnx::TensorProto::DOUBLE);
  onnx::NodeProto& node = MlNode(m, "LabelEncoder", {"y"});
  SetTensor(node, "keys_tensor", onnx::TensorProto::DOUBLE, {0.1, 0.2});
  SetTensor(node, "values_tensor", onnx::TensorProto::DOUBLE, {1.5, 2.5});
  SetTensor(node, "default_tensor", onnx::TensorProto::DOUBLE, {-7});
  const Tensor x({DType::kF64, {3}}, std::vector<double>{0.2, 0.3, 0.1});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), ElementsAre(2.5, -7, 1.5));
}

TEST(OneHotEncoder, EachCategoryIsAColumnAndOthersAreZero) {
  ModelBuilder m;
  m.Input("x", {2, 2});
  SetInts(MlNode(m, "OneHotEncoder", {"y"}), "cats_int64s", {5, 1, 7});
  const Tensor y = RunBoth(m, {{"x", Rows({2, 2}, {1, 5, 7, 2})}}).at(0);
  EXPECT_EQ(y.shape(), (Shape{2, 2, 3}));
  EXPECT_THAT(Values(y), ElementsAre(0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0));
}

TEST(ZipMap, AMapIsItsValuesAColumnAKey) {
  ModelBuilder m;
  m.Input("x", {2, 2});
  onnx::NodeProto& node = MlNode(m, "ZipMap", {"y"});
  SetStrings(node, "classlabels_strings", {"cat", "dog"});
  EXPECT_THAT(Values(RunBoth(m, {{"x", Rows({2, 2}, {1, 5, 7, 2})}}).at(0)),
              ElementsAre(1, 5, 7, 2));
  node.mutable_attribute(0)->add_strings("cow");
  EXPECT_THAT(Refusal(m), HasSubstr("has 3 keys for 2 columns"));
}

TEST(Imputer, IntegersAreReplacedFeatureByFeature) {
  ModelBuilder m;
  m.Input("x", {2, 2}, onnx::TensorProto::INT64);
  onnx::NodeProto& node = MlNode(m, "Imputer", {"y"});
  SetInts(node, "imputed_value_int64s", {20, 30});
  SetInt(node, "replaced_value_int64", 1);
  const Tensor x({DType::kI64, {2, 2}}, std::vector<int64_t>{1, 5, 7, 1});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), ElementsAre(20, 5, 7, 30));
}

}  // namespace
}  // namespace tilewright
