// Seeded inputs and the padding of blocked layouts.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/run_spec.h"

namespace tilewright {

// Uniform in [-1, 1), a function of (seed, position): fast, and the same in every process.
void FillUniform(float* data, int64_t count, uint64_t seed);
// An input: floats times its amplitude, rounded to their type; integers uniform over at most 16
// bits of their range, so that sums of products are exact where the type of the sums allows; zeros
// where it is padding.
void FillInput(void* data, const RunArgument& argument, uint64_t seed);

int64_t ElementsOf(const RunArgument& argument);

// What a run begins with in argument `i`, whose elements `data` holds: inputs by the spec's seed,
// padding zero; in the output every bit set, so that an element which a kernel leaves out does not
// look right by accident (floats are NaN).
void FillArgument(const RunSpec& spec, size_t i, void* data);

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

}  // namespace tilewright
