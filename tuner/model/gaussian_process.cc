#include "tuner/model/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace tilewright {
namespace {

constexpr double kJitter = 1e-6;
constexpr double kPriorMean = -0.5, kPriorDeviation = 1.0;  // of log length scales
constexpr double kNoiseMean = -6, kNoiseDeviation = 2;      // of log noise

// Square, row by row.
struct Square {
  explicit Square(size_t n) : n(n), values(n * n) {}
  double& operator()(size_t i, size_t k) { return values[i * n + k]; }
  double operator()(size_t i, size_t k) const { return values[i * n + k]; }
  size_t n;
  std::vector<double> values;
};

double Matern(double squared) {
  const double r = std::sqrt(5 * squared);
  return (1 + r + r * r / 3) * std::exp(-r);
}

// Derivative by a log length scale, over the squared scaled difference in that feature.
double MaternSlope(double squared) {
  const double r = std::sqrt(5 * squared);
  return 5.0 / 3 * (1 + r) * std::exp(-r);
}

// In place; the upper triangle is left alone. The jitter keeps it positive definite.
void Cholesky(Square& k) {
  for (size_t i = 0; i < k.n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = k(i, j);
      for (size_t m = 0; m < j; ++m) sum -= k(i, m) * k(j, m);
      k(i, j) = i == j ? std::sqrt(std::max(sum, kJitter)) : sum / k(j, j);
    }
  }
}

// (L L^T)^-1 from the lower factor.
Square Inverse(const Square& lower) {
  const size_t n = lower.n;
  Square inverse_lower(n);  // transposed: row j holds column j of L^-1
  for (size_t j = 0; j < n; ++j) {
    inverse_lower(j, j) = 1 / lower(j, j);
    for (size_t i = j + 1; i < n; ++i) {
      double sum = 0;
      for (size_t m = j; m < i; ++m) sum -= lower(i, m) * inverse_lower(j, m);
      inverse_lower(j, i) = sum / lower(i, i);
    }
  }
  Square inverse(n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (size_t m = i; m < n; ++m) sum += inverse_lower(i, m) * inverse_lower(j, m);
      inverse(i, j) = inverse(j, i) = sum;
    }
  }
  return inverse;
}

std::vector<double> Standardised(std::span<const double> targets) {
  const double n = static_cast<double>(targets.size());
  const double mean = std::accumulate(targets.begin(), targets.end(), 0.0) / n;
  double variance = 1e-12;
  for (double t : targets) variance += (t - mean) * (t - mean) / n;
  std::vector<double> scaled;
  for (double t : targets) scaled.push_back((t - mean) / std::sqrt(variance));
  return scaled;
}

// The negative log marginal likelihood's gradient, signal variance profiled out, prior included.
class Likelihood {
 public:
  Likelihood(const FeatureMatrix& rows, std::span<const double> targets)
      : rows_(rows), y_(Standardised(targets)) {}

  // By log lengths, then by log noise.
  std::vector<double> Gradient(const KernelScales& scales) const {
    const size_t n = rows_.rows(), columns = rows_.columns;
    Square distances(n), factor(n);
    const double noise = std::exp(scales.log_noise);
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = 0; k <= i; ++k) {
        distances(i, k) = Distance(i, k, scales);
        factor(i, k) = Matern(distances(i, k)) + (i == k ? noise + kJitter : 0);
      }
    }
    Cholesky(factor);
    const Square inverse = Inverse(factor);
    const std::vector<double> alpha = Times(inverse, y_);
    const double signal = std::inner_product(y_.begin(), y_.end(), alpha.begin(), 0.0) / n;
    std::vector<double> gradient(columns + 1);
    for (size_t i = 0; i < n; ++i) {
      gradient[columns] += 0.5 * noise * (inverse(i, i) - alpha[i] * alpha[i] / signal);
      for (size_t k = 0; k < i; ++k) {
        const double weight = inverse(i, k) - alpha[i] * alpha[k] / signal;
        const double slope = weight * MaternSlope(distances(i, k));
        for (size_t c = 0; c < columns; ++c) gradient[c] += slope * Term(i, k, c, scales);
      }
    }
    AddPrior(scales, gradient);
    return gradient;
  }

 private:
  double Distance(size_t i, size_t k, const KernelScales& scales) const {
    double sum = 0;
    for (size_t c = 0; c < rows_.columns; ++c) sum += Term(i, k, c, scales);
    return sum;
  }
  double Term(size_t i, size_t k, size_t c, const KernelScales& scales) const {
    const double d = rows_.values[i * rows_.columns + c] - rows_.values[k * rows_.columns + c];
    return d == 0 ? 0 : d * d * std::exp(-2 * scales.log_lengths[c]);
  }
  static void AddPrior(const KernelScales& scales, std::vector<double>& gradient) {
    for (size_t c = 0; c + 1 < gradient.size(); ++c) {
      gradient[c] += (scales.log_lengths[c] - kPriorMean) / (kPriorDeviation * kPriorDeviation);
    }
    gradient.back() += (scales.log_noise - kNoiseMean) / (kNoiseDeviation * kNoiseDeviation);
  }
  static std::vector<double> Times(const Square& matrix, const std::vector<double>& vector) {
    std::vector<double> product(matrix.n);
    for (size_t i = 0; i < matrix.n; ++i) {
      for (size_t k = 0; k < matrix.n; ++k) product[i] += matrix(i, k) * vector[k];
    }
    return product;
  }

  const FeatureMatrix& rows_;
  const std::vector<double> y_;
};

}  // namespace

void FitScales(const FeatureMatrix& rows, std::span<const double> targets, int steps,
               KernelScales& scales) {
  TW_CHECK(rows.rows() == targets.size() && targets.size() >= 2) << targets.size() << " targets";
  scales.log_lengths.resize(rows.columns, kPriorMean);
  const Likelihood likelihood(rows, targets);
  // Rprop (Riedmiller and Braun, 1993): signs only, so no step size to choose.
  std::vector<double> step(rows.columns + 1, 0.2), last(rows.columns + 1, 0.0);
  for (int i = 0; i < steps; ++i) {
    const std::vector<double> gradient = likelihood.Gradient(scales);
    for (size_t p = 0; p <= rows.columns; ++p) {
      double& value = p < rows.columns ? scales.log_lengths[p] : scales.log_noise;
      step[p] = std::clamp(step[p] * (gradient[p] * last[p] < 0 ? 0.5 : 1.2), 0.01, 0.6);
      value = std::clamp(value - std::copysign(step[p], gradient[p]),
                         p < rows.columns ? -3.0 : -9.0, p < rows.columns ? 3.0 : 0.0);
      last[p] = gradient[p];
    }
  }
}

Posterior::Posterior(KernelScales scales, FeatureMatrix candidates)
    : scales_(std::move(scales)),
      candidates_(std::move(candidates)),
      points_{.columns = candidates_.columns},
      explained_(candidates_.rows()) {
  for (double log_length : scales_.log_lengths) inverse_lengths_.push_back(std::exp(-log_length));
}

std::vector<float> Posterior::Correlations(std::span<const float> features,
                                           const FeatureMatrix& rows) const {
  std::vector<float> result(rows.rows());
  const float* row = rows.values.data();
  for (float& value : result) {
    float squared = 0;
    for (size_t c = 0; c < rows.columns; ++c) {
      const float d = (row[c] - features[c]) * static_cast<float>(inverse_lengths_[c]);
      squared += d * d;
    }
    const float r = std::sqrt(5 * squared);
    value = (1 + r + r * r / 3) * std::exp(-r);
    row += rows.columns;
  }
  return result;
}

void Posterior::Add(std::span<const float> features, double target) {
  const std::vector<float> known = Correlations(features, points_);
  std::vector<float> white = Correlations(features, candidates_);
  std::vector<double> row;
  double left = 1 + std::exp(scales_.log_noise) + kJitter;
  for (size_t p = 0; p < known.size(); ++p) {
    double sum = known[p];
    for (size_t m = 0; m < p; ++m) sum -= row[m] * lower_[p][m];
    row.push_back(sum / lower_[p][p]);
    left -= row[p] * row[p];
    const float weight = static_cast<float>(row[p]);
    for (size_t c = 0; c < white.size(); ++c) white[c] -= weight * whitened_[p][c];
  }
  row.push_back(std::sqrt(std::max(left, kJitter)));
  for (size_t c = 0; c < white.size(); ++c) {
    white[c] /= static_cast<float>(row.back());
    explained_[c] += white[c] * white[c];
  }
  points_.values.insert(points_.values.end(), features.begin(), features.end());
  targets_.push_back(target);
  lower_.push_back(std::move(row));
  whitened_.push_back(std::move(white));
}

void Posterior::AddFantasy(size_t candidate) {
  const double mean = Predict().mean[candidate];
  Add({candidates_.values.data() + candidate * candidates_.columns, candidates_.columns}, mean);
}

Posterior::Prediction Posterior::Predict() const {
  const double n = static_cast<double>(std::max<size_t>(points(), 1));
  const double centre = std::accumulate(targets_.begin(), targets_.end(), 0.0) / n;
  Prediction result{std::vector<float>(candidates_.rows(), static_cast<float>(centre)),
                    std::vector<float>(candidates_.rows())};
  double signal = 1e-12;
  std::vector<double> z;  // L^-1 (targets - centre)
  for (size_t p = 0; p < points(); ++p) {
    double sum = targets_[p] - centre;
    for (size_t m = 0; m < p; ++m) sum -= lower_[p][m] * z[m];
    z.push_back(sum / lower_[p][p]);
    signal += z[p] * z[p] / n;
    const float weight = static_cast<float>(z[p]);
    for (size_t c = 0; c < result.mean.size(); ++c) result.mean[c] += weight * whitened_[p][c];
  }
  for (size_t c = 0; c < result.mean.size(); ++c) {
    result.deviation[c] = static_cast<float>(std::sqrt(signal * std::max(0.0f, 1 - explained_[c])));
  }
  return result;
}

}  // namespace tilewright
