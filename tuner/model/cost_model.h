// Ranks configs of one task. Scores are unitless, higher is faster. Not thread-safe.
#pragma once

#include <span>
#include <vector>

#include "absl/status/status.h"

namespace tilewright {

using FeatureRow = std::vector<float>;

class CostModel {
 public:
  virtual ~CostModel() = default;
  // Trains from scratch; scores in [0, 1], failures 0. REQUIRES: equal sizes, rows of one length.
  virtual absl::Status Fit(std::span<const FeatureRow> rows, std::span<const float> scores) = 0;
  // Untrained: all equal.
  virtual std::vector<float> Score(std::span<const FeatureRow> rows) const = 0;
};

}  // namespace tilewright
