#include "records/lookup/noise.h"

#include <algorithm>
#include <vector>

namespace tilewright {
namespace {

constexpr double kLeastGain = 0.01;

struct MiddleHalf {
  double lo, hi;
};

MiddleHalf MiddleHalfOf(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const size_t last = samples.size() - 1;
  return {samples[last / 4], samples[last - last / 4]};
}

}  // namespace

bool IsFasterBeyondNoise(const Timing& one, const Timing& other) {
  const MiddleHalf mine = MiddleHalfOf(one.seconds), theirs = MiddleHalfOf(other.seconds);
  return mine.hi < theirs.lo && mine.hi < (1 - kLeastGain) * theirs.hi;
}

}  // namespace tilewright
