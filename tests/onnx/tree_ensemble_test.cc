// ai.onnx.ml's tree ensembles, against a walk through them node by node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "tests/onnx/ml_models.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::vector<std::string> kModes = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                         "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};

bool Holds(const std::string& mode, float x, float split) {
  if (mode == "BRANCH_LEQ") return x <= split;
  if (mode == "BRANCH_LT") return x < split;
  if (mode == "BRANCH_GTE") return x >= split;
  if (mode == "BRANCH_GT") return x > split;
  return mode == "BRANCH_EQ" ? x == split : x != split;
}

// Random trees as the attributes of the domain's first operators have them.
struct RandomTrees {
  std::vector<int64_t> trees, numbers, features, yes, no, missing;
  std::vector<std::string> modes;
  std::vector<float> splits;
  std::vector<int64_t> weight_trees, weight_nodes, weight_targets;
  std::vector<float> weights;

  // Splits are among the values that features take, so that all are met.
  int64_t AddNode(Rng& rng, int64_t tree, int64_t number, int depth) {
    static const std::vector<float> kSplits = {-1,
                                               0,
                                               0.5F,
                                               2,
                                               -std::numeric_limits<float>::infinity(),
                                               std::numeric_limits<float>::infinity()};
    const size_t at = trees.size();
    const bool leaf = depth == 0 || rng.Below(5) == 0;
    trees.push_back(tree), numbers.push_back(number);
    features.push_back(static_cast<int64_t>(rng.Below(3)));
    modes.push_back(leaf ? "LEAF" : kModes[rng.Below(kModes.size())]);
    splits.push_back(kSplits[rng.Below(kSplits.size())]);
    missing.push_back(static_cast<int64_t>(rng.Below(2)));
    yes.push_back(0), no.push_back(0);
    if (leaf) return AddWeights(rng, tree, number), number + 1;
    yes[at] = number + 1;
    no[at] = AddNode(rng, tree, number + 1, depth - 1);
    return AddNode(rng, tree, no[at], depth - 1);
  }

  // The sums of a row, walked node by node.
  std::vector<double> Walk(const float* row, int64_t targets) const {
    std::vector<double> sums(static_cast<size_t>(targets), 0);
    for (size_t root = 0; root < trees.size(); ++root) {
      if (numbers[root] != 0) continue;
      size_t at = root;
      while (modes[at] != "LEAF") {
        const float x = row[features[at]];
        const bool holds = Holds(modes[at], x, splits[at]) || (std::isnan(x) && missing[at] != 0);
        at = root + static_cast<size_t>(holds ? yes[at] : no[at]);
      }
      for (size_t w = 0; w < weights.size(); ++w) {
        if (weight_trees[w] != trees[at] || weight_nodes[w] != numbers[at]) continue;
        sums[static_cast<size_t>(weight_targets[w])] += weights[w];
      }
    }
    return sums;
  }

  void Write(onnx::NodeProto& node, const std::string& weight) const {
    SetInts(node, "nodes_treeids", trees);
    SetInts(node, "nodes_nodeids", numbers);
    SetInts(node, "nodes_featureids", features);
    SetInts(node, "nodes_truenodeids", yes);
    SetInts(node, "nodes_falsenodeids", no);
    SetInts(node, "nodes_missing_value_tracks_true", missing);
    SetStrings(node, "nodes_modes", modes);
    SetFloats(node, "nodes_values", splits);
    SetInts(node, weight + "_treeids", weight_trees);
    SetInts(node, weight + "_nodeids", weight_nodes);
    SetInts(node, weight + "_ids", weight_targets);
    SetFloats(node, weight + "_weights", weights);
  }

 private:
  void AddWeights(Rng& rng, int64_t tree, int64_t number) {
    for (uint64_t i = rng.Below(3); i > 0; --i) {
      weight_trees.push_back(tree), weight_nodes.push_back(number);
      weight_targets.push_back(static_cast<int64_t>(rng.Below(2)));
      weights.push_back(static_cast<float>(rng.Below(64)) / 8 - 4);
    }
  }
};

Tensor RandomRows(Rng& rng, int64_t rows) {
  static const std::vector<double> kValues = {-1, 0, 0.5, 2, 3, -0.0, kNan, kInfinity, -kInfinity};
  Tensor x({DType::kF32, {rows, 3}});
  for (int64_t i = 0; i < x.size(); ++i) x.Set(i, kValues[rng.Below(kValues.size())]);
  return x;
}

TEST(TreeEnsemble, RandomTreesGiveWhatAWalkThroughThemGives) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    RandomTrees forest;
    const auto trees = static_cast<int64_t>(1 + rng.Below(20));
    for (int64_t tree = 0; tree < trees; ++tree) forest.AddNode(rng, tree, 0, 5);
    ModelBuilder m;
    const int64_t rows = seed % 2 == 0 ? 1 : 9;
    m.Input("x", {rows, 3});
    onnx::NodeProto& node = MlNode(m, "TreeEnsembleRegressor", {"y"});
    forest.Write(node, "target");
    SetInt(node, "n_targets", 2);
    const Tensor x = RandomRows(rng, rows);
    const std::vector<Tensor> y = RunBoth(m, {{"x", x}});
    ASSERT_EQ(y.size(), 1u);
    for (int64_t n = 0; n < rows; ++n) {
      const std::vector<double> sums = forest.Walk(x.as<float>() + 3 * n, 2);
      EXPECT_EQ(y[0].AsDouble(2 * n), sums[0]) << "row " << n;
      EXPECT_EQ(y[0].AsDouble(2 * n + 1), sums[1]) << "row " << n;
    }
  }
}

// Two stumps on feature 0, which lead to 1 or 3 and to -2 or 8.
void WriteStumps(onnx::NodeProto& node, const std::string& weight,
                 const std::vector<int64_t>& targets) {
  SetInts(node, "nodes_treeids", {0, 0, 0, 1, 1, 1});
  SetInts(node, "nodes_nodeids", {0, 1, 2, 0, 1, 2});
  SetInts(node, "nodes_featureids", {0, 0, 0, 0, 0, 0});
  SetInts(node, "nodes_truenodeids", {1, 0, 0, 1, 0, 0});
  SetInts(node, "nodes_falsenodeids", {2, 0, 0, 2, 0, 0});
  SetStrings(node, "nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"});
  SetFloats(node, "nodes_values", {0, 0, 0, 1, 0, 0});
  SetInts(node, weight + "_treeids", {0, 0, 1, 1});
  SetInts(node, weight + "_nodeids", {1, 2, 1, 2});
  SetInts(node, weight + "_ids", targets);
  SetFloats(node, weight + "_weights", {1, 3, -2, 8});
}

TEST(TreeEnsemble, WeightsAreAggregatedAsTheAttributeSays) {
  const std::map<std::string, std::vector<double>> expected = {{"SUM", {-1, 1, 11}},
                                                               {"AVERAGE", {-0.5, 0.5, 5.5}},
                                                               {"MIN", {-2, -2, 3}},
                                                               {"MAX", {1, 3, 8}}};
  for (const auto& [function, values] : expected) {
    SCOPED_TRACE(function);
    ModelBuilder m;
    m.Input("x", {3, 1});
    onnx::NodeProto& node = MlNode(m, "TreeEnsembleRegressor", {"y"});
    WriteStumps(node, "target", {0, 0, 0, 0});
    SetString(node, "aggregate_function", function);
    SetFloats(node, "base_values", {100});
    const Tensor y = RunBoth(m, {{"x", Rows({3, 1}, {0, 0.5, 2})}}).at(0);
    EXPECT_THAT(Values(y), ElementsAre(values[0] + 100, values[1] + 100, values[2] + 100));
  }
}

TEST(TreeEnsemble, TheSecondOfTwoClassesHasTheVotesOfAll) {
  ModelBuilder m;
  m.Input("x", {3, 1});
  onnx::NodeProto& node = MlNode(m, "TreeEnsembleClassifier", {"label", "scores"});
  WriteStumps(node, "class", {0, 0, 0, 0});
  SetInts(node, "classlabels_int64s", {7, 9});
  SetString(node, "post_transform", "LOGISTIC");
  const std::vector<Tensor> y = RunBoth(m, {{"x", Rows({3, 1}, {0, 0.5, 2})}}, 1e-6);
  EXPECT_THAT(Values(y.at(0)), ElementsAre(7, 9, 9));
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  const std::vector<double> expected = {logistic(1), logistic(-1),  logistic(-1),
                                        logistic(1), logistic(-11), logistic(11)};
  EXPECT_THAT(Values(y.at(1)), Pointwise(DoubleNear(1e-6), expected));
}

TEST(TreeEnsemble, ClassesWithVotesOfTheirOwnAreCompared) {
  ModelBuilder m;
  m.Input("x", {3, 1});
  onnx::NodeProto& node = MlNode(m, "TreeEnsembleClassifier", {"label", "scores"});
  WriteStumps(node, "class", {0, 1, 2, 1});
  SetInts(node, "classlabels_int64s", {7, 8, 9});
  const std::vector<Tensor> y = RunBoth(m, {{"x", Rows({3, 1}, {0, 0.5, 2})}});
  EXPECT_THAT(Values(y.at(0)), ElementsAre(7, 8, 8));
  EXPECT_THAT(Values(y.at(1)), ElementsAre(1, 0, -2, 0, 3, -2, 0, 11, 0));
}

// The example of set membership in the operator's node tests.
onnx::NodeProto& SetMembership(ModelBuilder& m) {
  onnx::NodeProto& node = MlNode(m, "TreeEnsemble", {"y"});
  SetInt(node, "n_targets", 4);
  SetInts(node, "tree_roots", {0});
  SetTensor(node, "nodes_modes", onnx::TensorProto::UINT8, {0, 6, 6});
  SetTensor(node, "nodes_splits", onnx::TensorProto::FLOAT, {11, 232344, kNan});
  SetTensor(node, "membership_values", onnx::TensorProto::FLOAT,
            {1.2, 3.7, 8, 9, kNan, 12, 7, kNan});
  SetTensor(node, "leaf_weights", onnx::TensorProto::FLOAT, {1, 10, 1000, 100});
  SetInts(node, "nodes_featureids", {0, 0, 0});
  SetInts(node, "nodes_trueleafs", {0, 1, 1});
  SetInts(node, "nodes_truenodeids", {1, 0, 1});
  SetInts(node, "nodes_falseleafs", {1, 0, 1});
  SetInts(node, "nodes_falsenodeids", {2, 2, 3});
  return node;
}

TEST(TreeEnsemble, ASetOfMembersIsAskedForEachOfThem) {
  ModelBuilder m;
  m.Input("x", {6, 1});
  SetInts(SetMembership(m), "leaf_targetids", {0, 1, 2, 3});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = RunBoth(m, {{"x", Rows({6, 1}, {1.2F, 3.4F, -0.12F, nan, 12, 7})}}).at(0);
  EXPECT_THAT(Values(y), ElementsAre(1, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 100, 0, 0, 1000, 0, 0, 0,
                                     1000, 0, 0, 10, 0, 0));
}

TEST(TreeEnsemble, NodesThatDoNotExistOrFormACycleAreRefused) {
  ModelBuilder cycle;
  cycle.Input("x", {1, 1});
  onnx::NodeProto& node = MlNode(cycle, "TreeEnsembleRegressor", {"y"});
  SetInts(node, "nodes_treeids", {0, 0});
  SetInts(node, "nodes_nodeids", {0, 1});
  SetInts(node, "nodes_featureids", {0, 0});
  SetInts(node, "nodes_truenodeids", {1, 0});
  SetInts(node, "nodes_falsenodeids", {1, 0});
  SetStrings(node, "nodes_modes", {"BRANCH_LEQ", "BRANCH_LT"});
  SetFloats(node, "nodes_values", {0, 0});
  EXPECT_THAT(Refusal(cycle), HasSubstr("the nodes of a tree form a cycle"));
  node.mutable_attribute(3)->set_ints(0, 5);
  EXPECT_THAT(Refusal(cycle), HasSubstr("tree 0 has no node 5"));
  ModelBuilder target;
  target.Input("x", {1, 1});
  SetInts(SetMembership(target), "leaf_targetids", {0, 1, 2, 4});
  EXPECT_THAT(Refusal(target), HasSubstr("target of a weight 4 is outside [0, 4)"));
}

}  // namespace
}  // namespace tilewright
