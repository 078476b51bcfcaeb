// Samples of ai.onnx.ml's operators.
#include "absl/strings/str_cat.h"
#include "tests/onnx/operator_samples.h"

namespace tilewright {
namespace {

using Attributes = std::vector<std::pair<std::string, SampleAttribute>>;

// A tree of one question, whose leaves count for two targets.
Attributes Stump(const std::string& weights, Attributes more) {
  more.insert(more.end(), {{"nodes_treeids", Ints{0, 0, 0}},
                           {"nodes_nodeids", Ints{0, 1, 2}},
                           {"nodes_featureids", Ints{0, 0, 0}},
                           {"nodes_truenodeids", Ints{1, 0, 0}},
                           {"nodes_falsenodeids", Ints{2, 0, 0}},
                           {"nodes_modes", std::vector<std::string>{"BRANCH_LEQ", "LEAF", "LEAF"}},
                           {"nodes_values", Reals{0.5F, 0, 0}},
                           {absl::StrCat(weights, "_treeids"), Ints{0, 0}},
                           {absl::StrCat(weights, "_nodeids"), Ints{1, 2}},
                           {absl::StrCat(weights, "_ids"), Ints{0, 1}},
                           {absl::StrCat(weights, "_weights"), Reals{1, 3}}});
  return more;
}

Attributes IndexedStump() {
  return {{"n_targets", 2},
          {"tree_roots", Ints{0}},
          {"nodes_modes", Tensor({DType::kU8, {1}}, std::vector<uint8_t>{0})},
          {"nodes_splits", Tensor({DType::kF32, {1}}, std::vector<float>{0.5F})},
          {"nodes_featureids", Ints{0}},
          {"nodes_trueleafs", Ints{1}},
          {"nodes_truenodeids", Ints{0}},
          {"nodes_falseleafs", Ints{1}},
          {"nodes_falsenodeids", Ints{1}},
          {"leaf_targetids", Ints{0, 1}},
          {"leaf_weights", Tensor({DType::kF32, {2}}, std::vector<float>{1, 3})}};
}

// One support vector of each of two classes.
Attributes Machine(Attributes more) {
  more.insert(more.end(), {{"kernel_type", "LINEAR"},
                           {"support_vectors", Reals{0.5F, 1, -1, 0.25F}},
                           {"coefficients", Reals{1, -1}},
                           {"rho", Reals{0.125F}}});
  return more;
}

const SampleOperand kRows = X({4, 2}, {0, 1, 2, 3, 1, 0, 3, 2});
const Ints kClasses = {3, 4};

std::vector<OperatorSample> Trees() {
  return {
      {"ai.onnx.ml.TreeEnsemble", 17, {kRows}, IndexedStump()},
      {"ai.onnx.ml.TreeEnsembleClassifier",
       17,
       {kRows},
       Stump("class", {{"classlabels_int64s", kClasses}}),
       2},
      {"ai.onnx.ml.TreeEnsembleRegressor", 17, {kRows}, Stump("target", {{"n_targets", 2}})},
  };
}

}  // namespace

std::vector<OperatorSample> LearningSamples() {
  std::vector<OperatorSample> all = {
      {"ai.onnx.ml.ArrayFeatureExtractor", 17, {X({3, 4}), I64({2}, {1, 3})}},
      {"ai.onnx.ml.Binarizer", 17, {kRows}, {{"threshold", 1.0F}}},
      {"ai.onnx.ml.FeatureVectorizer", 17, {kRows, kRows}, {{"inputdimensions", Ints{2, 2}}}},
      {"ai.onnx.ml.Imputer",
       17,
       {kRows},
       {{"imputed_value_floats", Reals{7}},
        {"imputed_value_int64s", Ints{7}},
        {"replaced_value_float", 1.0F},
        {"replaced_value_int64", 1}}},
      {"ai.onnx.ml.LinearClassifier",
       17,
       {kRows},
       {{"coefficients", Reals{1, -1, -0.5F, 2}},
        {"intercepts", Reals{0.25F, 0}},
        {"classlabels_ints", kClasses}},
       2},
      {"ai.onnx.ml.LinearRegressor",
       17,
       {kRows},
       {{"coefficients", Reals{1, -2}}, {"intercepts", Reals{0.5F}}}},
      {"ai.onnx.ml.Normalizer", 17, {kRows}, {{"norm", "L2"}}},
      {"ai.onnx.ml.OneHotEncoder", 17, {kRows}, {{"cats_int64s", Ints{0, 2, 3}}}},
      {"ai.onnx.ml.SVMClassifier",
       17,
       {kRows},
       Machine({{"classlabels_ints", kClasses}, {"vectors_per_class", Ints{1, 1}}}),
       2},
      {"ai.onnx.ml.SVMRegressor", 17, {kRows}, Machine({{"n_supports", 2}})},
      {"ai.onnx.ml.Scaler", 17, {kRows}, {{"offset", Reals{1}}, {"scale", Reals{0.5F}}}},
  };
  for (OperatorSample& sample : Trees()) all.push_back(std::move(sample));
  return all;
}

}  // namespace tilewright
