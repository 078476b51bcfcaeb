#include "compiler/onnx/quantize/value_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace tilewright {
namespace {

// Levels of magnitude of a signed byte, and by how many bins the candidates of a cut differ.
constexpr size_t kLevels = 128, kStep = 8;
// Stands for a probability of nothing.
constexpr double kHardlyAny = 1e-9;

// The divergence of `bins` from what is left of them when the first `cut` are told apart in
// kLevels groups only and the others are taken for the last of these.
double Divergence(std::span<const int64_t> bins, size_t cut) {
  const double total = static_cast<double>(std::accumulate(bins.begin(), bins.end(), int64_t{0}));
  const int64_t clipped = std::accumulate(bins.begin() + cut, bins.end(), int64_t{0});
  double divergence = 0;
  for (size_t level = 0; level < kLevels; ++level) {
    const size_t first = level * cut / kLevels, end = (level + 1) * cut / kLevels;
    const auto group = bins.subspan(first, end - first);
    const auto used = static_cast<double>(
        std::count_if(group.begin(), group.end(), [](int64_t n) { return n > 0; }));
    const auto sum = static_cast<double>(std::accumulate(group.begin(), group.end(), int64_t{0}));
    for (size_t i = 0; i < group.size(); ++i) {
      const bool last = first + i + 1 == cut;
      const double p = static_cast<double>(group[i] + (last ? clipped : 0)) / total;
      const double q = group[i] > 0 ? sum / used / total : kHardlyAny;
      if (p > 0) divergence += p * std::log(p / q);
    }
  }
  return divergence;
}

}  // namespace

void ValueHistogram::Widen() {
  std::array<int64_t, kBins> wider = {};
  for (int i = 0; i < kBins; ++i) wider[kBins / 4 + i / 2] += bins_[i];
  bins_ = wider;
  width_ *= 2;
}

void ValueHistogram::Add(std::span<const float> values) {
  for (const float value : values) {
    if (!std::isfinite(value)) {
      ++not_finite_;
      continue;
    }
    while (std::fabs(value) >= width_) Widen();
    lo_ = std::min<double>(lo_, value);
    hi_ = std::max<double>(hi_, value);
    ++count_;
    if (value != 0) ++bins_[static_cast<int>((value + width_) / BinWidth())];
  }
}

ValueRange ValueHistogram::MinMax() const { return {lo_, hi_}; }

ValueRange ValueHistogram::Percentile(double percent) const {
  const double cut = (100 - percent) / 200 * static_cast<double>(count_);
  int first = 0, last = kBins - 1;
  for (int64_t below = bins_[0]; below <= cut && first < last;) below += bins_[++first];
  for (int64_t above = bins_[last]; above <= cut && last > first;) above += bins_[--last];
  return {std::clamp(-width_ + first * BinWidth(), lo_, 0.0),
          std::clamp(-width_ + (last + 1) * BinWidth(), 0.0, hi_)};
}

std::array<int64_t, ValueHistogram::kBins / 2> ValueHistogram::Magnitudes() const {
  std::array<int64_t, kBins / 2> magnitudes;
  for (int i = 0; i < kBins / 2; ++i) {
    magnitudes[i] = bins_[kBins / 2 + i] + bins_[kBins / 2 - 1 - i];
  }
  return magnitudes;
}

ValueRange ValueHistogram::Entropy() const {
  const auto magnitudes = Magnitudes();
  const std::span<const int64_t> bins(magnitudes);
  size_t cut = bins.size();
  double least = std::numeric_limits<double>::infinity();
  for (size_t candidate = kLevels; candidate <= bins.size(); candidate += kStep) {
    const double divergence = Divergence(bins, candidate);
    if (divergence >= least) continue;
    least = divergence;
    cut = candidate;
  }
  const double largest = static_cast<double>(cut) * BinWidth();
  return {std::max(lo_, -largest), std::min(hi_, largest)};
}

}  // namespace tilewright
