// What nodes draw at random: distributed as they say, and the same in every run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/onnx/by_definition.h"
#include "tests/onnx/one_node.h"

namespace tilewright {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::Not;

constexpr int64_t kDraws = 20000;

std::vector<double> Draws(const std::string& op, const std::string& name,
                          const std::vector<std::pair<std::string, float>>& attributes) {
  ModelBuilder m;
  onnx::NodeProto& node = m.Node(op, {}, {name});
  SetInts(node, "shape", {kDraws});
  for (const auto& [attribute, value] : attributes) SetFloat(node, attribute, value);
  m.Output(name);
  const std::vector<Tensor> outputs = RunBoth(m, {}, 1e-5);
  return outputs.empty() ? std::vector<double>() : Values(outputs[0]);
}

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Deviation(const std::vector<double>& values) {
  const double mean = Mean(values);
  double sum = 0;
  for (double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(RandomNumbers, UniformOnesFillTheirRange) {
  const std::vector<double> draws = Draws("RandomUniform", "y", {{"low", 2}, {"high", 5}});
  EXPECT_THAT(draws, Each(AllOf(Ge(2), Lt(5))));
  EXPECT_NEAR(Mean(draws), 3.5, 0.03);
  EXPECT_NEAR(Deviation(draws), 3 / std::sqrt(12.0), 0.03);
}

TEST(RandomNumbers, NormalOnesHaveTheirMeanDeviationAndTails) {
  const std::vector<double> draws = Draws("RandomNormal", "y", {{"mean", 1}, {"scale", 2}});
  EXPECT_NEAR(Mean(draws), 1, 0.05);
  EXPECT_NEAR(Deviation(draws), 2, 0.05);
  const auto beyond = std::count_if(draws.begin(), draws.end(),
                                    [](double x) { return std::abs(x - 1) > 2 * 1.96; });
  EXPECT_NEAR(static_cast<double>(beyond) / kDraws, 0.05, 0.01);
}

TEST(RandomNumbers, FollowFromTheSeedOrElseFromTheNodesName) {
  const std::vector<double> draws = Draws("RandomUniform", "y", {});
  EXPECT_THAT(Draws("RandomUniform", "y", {}), ElementsAreArray(draws));
  EXPECT_THAT(Draws("RandomUniform", "z", {}), Not(ElementsAreArray(draws)));
  const std::vector<double> seeded = Draws("RandomUniform", "y", {{"seed", 3}});
  EXPECT_THAT(Draws("RandomUniform", "z", {{"seed", 3}}), ElementsAreArray(seeded));
  EXPECT_THAT(Draws("RandomUniform", "y", {{"seed", 4}}), Not(ElementsAreArray(seeded)));
}

TEST(RandomNumbers, BernoulliIsOneAsOftenAsItsInputSays) {
  const Tensor p({DType::kF32, {kDraws}}, std::vector<float>(kDraws, 0.25F));
  const ModelBuilder m = OneNode({"Bernoulli", 15, {"p"}}, {{"p", p}});
  EXPECT_NEAR(Mean(Values(RunBoth(m, {{"p", p}}).at(0))), 0.25, 0.015);
}

TEST(RandomNumbers, OfIntegersAreRefused) {
  const ModelBuilder m =
      OneNode({"RandomNormalLike", 17, {"x"}}, {{"x", Tensor({DType::kI64, {2}})}});
  EXPECT_THAT(Refusal(m), HasSubstr("the output's type is no float"));
}

}  // namespace
}  // namespace tilewright
