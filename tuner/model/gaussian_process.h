// Gaussian process regression: Matern 5/2 kernel, a length scale per feature fitted by marginal
// likelihood, targets standardised (Rasmussen and Williams, Gaussian Processes for Machine
// Learning, 2006). Costs O(points^3) to fit: for a few hundred points. Not thread-safe.
#pragma once

#include <span>
#include <vector>

#include "tuner/model/cost_model.h"

namespace tilewright {

// What the kernel looks like; kept between fits, so that each starts where the last ended.
struct KernelScales {
  std::vector<double> log_lengths;  // of each feature
  double log_noise = -6;            // noise variance over signal variance
};

// Improves `scales` by `steps` of gradient descent on the marginal likelihood (a weak prior keeps
// length scales near the features' range). REQUIRES: features scaled to about [0, 1]; a target a
// row, at least two rows.
void FitScales(const FeatureMatrix& rows, std::span<const double> targets, int steps,
               KernelScales& scales);

// The posterior at fixed candidates, updated point by point: adding one costs
// O(points x candidates). Targets may be replaced later (a fantasised one by the measured one).
class Posterior {
 public:
  Posterior(KernelScales scales, FeatureMatrix candidates);

  void Add(std::span<const float> features, double target);
  // Adds a candidate with its predicted mean as target: its variance is used up, the mean stays.
  void AddFantasy(size_t candidate);
  void SetTarget(size_t point, double target) { targets_[point] = target; }

  size_t points() const { return targets_.size(); }
  const FeatureMatrix& candidates() const { return candidates_; }
  // Mean and standard deviation at every candidate, in the targets' unit.
  struct Prediction {
    std::vector<float> mean, deviation;
  };
  Prediction Predict() const;

 private:
  std::vector<float> Correlations(std::span<const float> features, const FeatureMatrix& rows) const;

  const KernelScales scales_;
  const FeatureMatrix candidates_;
  std::vector<double> inverse_lengths_;
  FeatureMatrix points_;
  std::vector<double> targets_;
  std::vector<std::vector<double>> lower_;    // Cholesky factor, row by row
  std::vector<std::vector<float>> whitened_;  // L^-1 K(points, candidates), row by row
  std::vector<float> explained_;              // sum of squares of the columns of whitened_
};

}  // namespace tilewright
