// What values a tensor had on calibration data, and which range eight bits should cover. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace tilewright {

// Contains 0, so that padding and the zeros of an activation are exact.
struct ValueRange {
  double lo = 0, hi = 0;
};

class ValueHistogram {
 public:
  void Add(std::span<const float> values);

  // NaN and infinities, which no range can hold and no bin counts.
  int64_t not_finite() const { return not_finite_; }

  // From the smallest to the largest value.
  ValueRange MinMax() const;
  // Leaves out the (100 - percent) / 2 % of smallest and of largest values, to a bin.
  ValueRange Percentile(double percent) const;
  // [-t, t], cut to MinMax, where 128 levels of magnitude tell most about the values: the t of the
  // least Kullback-Leibler divergence (S. Migacz, "8-bit Inference with TensorRT", GTC 2017).
  ValueRange Entropy() const;

 private:
  // Bins over [-width_, width_), which doubles as larger values come. Zeros are in none: they are
  // exact in every range, and after a Relu they would outweigh all others.
  static constexpr int kBins = 4096;
  double BinWidth() const { return 2 * width_ / kBins; }
  void Widen();
  std::array<int64_t, kBins / 2> Magnitudes() const;

  double width_ = 0x1p-20;
  double lo_ = 0, hi_ = 0;
  int64_t count_ = 0, not_finite_ = 0;
  std::array<int64_t, kBins> bins_ = {};
};

}  // namespace tilewright
