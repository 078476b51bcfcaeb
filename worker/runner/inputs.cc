#include "worker/runner/inputs.h"

namespace tilewright {

// The 32-bit finaliser "lowbias32" (C. Wellons, hash-prospector, 2018): a few operations an
// element, no state, so the compiler vectorises it.
void FillUniform(float* data, int64_t count, uint64_t seed) {
  const uint32_t mixed = static_cast<uint32_t>((seed + 1) * 0x9e3779b97f4a7c15u >> 32);
  for (int64_t i = 0; i < count; ++i) {
    uint32_t x = static_cast<uint32_t>(i) + mixed;
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    data[i] = static_cast<float>(static_cast<int32_t>(x) >> 8) * 0x1.0p-23f;
  }
}

PaddingMask::PaddingMask(const RunArgument& argument) {
  std::vector<int64_t> strides(argument.shape.size(), 1);
  for (size_t d = strides.size(); d-- > 1;) strides[d - 1] = strides[d] * argument.shape[d];
  for (const PaddedDim& p : argument.padded) {
    Dim dim{strides[p.outer], argument.shape[p.outer], 1, 1, p.limit};
    if (p.inner >= 0) {
      dim.inner_stride = strides[p.inner];
      dim.inner_extent = argument.shape[p.inner];
    }
    dims_.push_back(dim);
  }
}

void ZeroPadding(float* data, const RunArgument& argument) {
  const PaddingMask mask(argument);
  if (!mask.any()) return;
  int64_t count = 1;
  for (const int64_t dim : argument.shape) count *= dim;
  for (int64_t i = 0; i < count; ++i) {
    if (mask.IsPadding(i)) data[i] = 0;
  }
}

}  // namespace tilewright
