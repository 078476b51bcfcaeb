#include "tuner/model/gaussian_process.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tilewright {
namespace {

// y = sin(5x) at x = 0, 0.1, ..., 1; the second feature is irrelevant.
struct Sine {
  FeatureMatrix rows{.columns = 2};
  std::vector<double> targets;
};

Sine Sampled(int count) {
  Sine sine;
  for (int i = 0; i < count; ++i) {
    const float x = static_cast<float>(i) / static_cast<float>(count - 1);
    const float noise = static_cast<float>(i * 7 % 5) / 4;
    sine.rows.values.insert(sine.rows.values.end(), {x, noise});
    sine.targets.push_back(std::sin(5 * x));
  }
  return sine;
}

Posterior Trained(const Sine& data, FeatureMatrix candidates) {
  KernelScales scales;
  FitScales(data.rows, data.targets, 25, scales);
  Posterior posterior(scales, std::move(candidates));
  for (size_t i = 0; i < data.targets.size(); ++i) {
    posterior.Add({data.rows.values.data() + 2 * i, 2}, data.targets[i]);
  }
  return posterior;
}

TEST(GaussianProcess, AnIrrelevantFeatureGetsALongerScale) {
  const Sine data = Sampled(21);
  KernelScales scales;
  FitScales(data.rows, data.targets, 25, scales);
  EXPECT_GT(scales.log_lengths[1], scales.log_lengths[0] + 1);
}

TEST(GaussianProcess, PredictsBetweenThePointsAndIsSureThere) {
  const Posterior posterior = Trained(Sampled(21), {2, {0.525f, 0.5f, 3.0f, 0.5f}});
  const Posterior::Prediction predicted = posterior.Predict();
  EXPECT_NEAR(predicted.mean[0], std::sin(5 * 0.525), 0.05);
  EXPECT_LT(predicted.deviation[0], 0.1);
  EXPECT_GT(predicted.deviation[1], 3 * predicted.deviation[0]);  // far outside
}

TEST(GaussianProcess, AFantasyUsesUpTheVarianceAndKeepsTheMean) {
  Posterior posterior = Trained(Sampled(5), {2, {0.4f, 0.5f, 0.9f, 0.1f}});
  const Posterior::Prediction before = posterior.Predict();
  posterior.AddFantasy(0);
  const Posterior::Prediction after = posterior.Predict();
  EXPECT_NEAR(after.mean[0], before.mean[0], 0.05);
  EXPECT_LT(after.deviation[0], 0.5 * before.deviation[0]);
}

TEST(GaussianProcess, AnAnswerReplacesAFantasy) {
  Posterior posterior = Trained(Sampled(5), {2, {0.4f, 0.5f}});
  posterior.AddFantasy(0);
  posterior.SetTarget(posterior.points() - 1, 3.0);
  EXPECT_GT(posterior.Predict().mean[0], 2.0);
}

TEST(GaussianProcess, EqualTargetsAreNoTrouble) {
  Sine data = Sampled(6);
  data.targets.assign(6, 1.0);
  const Posterior posterior = Trained(data, {2, {0.3f, 0.3f}});
  EXPECT_NEAR(posterior.Predict().mean[0], 1.0, 1e-3);
}

}  // namespace
}  // namespace tilewright
