// Seeded inputs and the padding of blocked layouts.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/run_spec.h"

namespace tilewright {

// Uniform in [-1, 1), a function of (seed, position): fast, and the same in every process.
void FillUniform(float* data, int64_t count, uint64_t seed);

// Says which elements of an argument are padding, by position.
class PaddingMask {
 public:
  explicit PaddingMask(const RunArgument& argument);
  bool any() const { return !dims_.empty(); }
  bool IsPadding(int64_t position) const {
    for (const Dim& d : dims_) {
      const int64_t outer = position / d.outer_stride % d.outer_extent;
      const int64_t inner = position / d.inner_stride % d.inner_extent;
      if (outer * d.inner_extent + inner >= d.limit) return true;
    }
    return false;
  }

 private:
  struct Dim {
    int64_t outer_stride, outer_extent, inner_stride, inner_extent, limit;
  };
  std::vector<Dim> dims_;
};

void ZeroPadding(float* data, const RunArgument& argument);

}  // namespace tilewright
