// Ranks configs of one task. Scores are unitless, higher is faster. Not thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tilewright {

// Of a feature that a row has not.
inline constexpr float kMissing = -1e30f;

// Rows of features, one after another.
struct FeatureMatrix {
  size_t columns = 0;
  std::vector<float> values;
  size_t rows() const { return columns ? values.size() / columns : 0; }
};

class CostModel {
 public:
  virtual ~CostModel() = default;
  // Trains from scratch; scores in [0, 1], failures 0. The same input gives the same model.
  // REQUIRES: a score for every row; columns > 0.
  virtual absl::Status Fit(const FeatureMatrix& rows, std::span<const float> scores) = 0;
  // One number a row. Untrained, of rows that have not the columns of the training rows, or when
  // the library that scores fails: all equal.
  virtual std::vector<float> Score(const FeatureMatrix& rows) const = 0;
  // The trained model as bytes, from which it can be loaded. FailedPrecondition when untrained.
  virtual absl::StatusOr<std::string> Save() const = 0;
};

}  // namespace tilewright
