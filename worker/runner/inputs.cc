#include "worker/runner/inputs.h"

#include <cstring>

namespace tilewright {

namespace {

uint32_t Mixed(uint64_t seed) {
  return static_cast<uint32_t>((seed + 1) * 0x9e3779b97f4a7c15u >> 32);
}

// The 32-bit finaliser "lowbias32" (C. Wellons, hash-prospector, 2018): a few operations an
// element, no state, so the compiler vectorises it.
uint32_t Hash(int64_t i, uint32_t mixed) {
  uint32_t x = static_cast<uint32_t>(i) + mixed;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

float Unit(uint32_t hash) {
  return static_cast<float>(static_cast<int32_t>(hash) >> 8) * 0x1.0p-23f;
}

// Two plain loops, so that each is vectorised.
template <typename T>
void FillElements(T* data, const RunArgument& argument, uint64_t seed) {
  const uint32_t mixed = Mixed(seed);
  const auto amplitude = static_cast<float>(argument.amplitude);
  const int64_t count = ElementsOf(argument);
  if (IsFloat(argument.dtype)) {
    for (int64_t i = 0; i < count; ++i) data[i] = static_cast<T>(amplitude * Unit(Hash(i, mixed)));
  } else {
    for (int64_t i = 0; i < count; ++i) {
      data[i] = static_cast<T>(static_cast<int16_t>(Hash(i, mixed) >> 16));
    }
  }
}

void ZeroPadding(void* data, const RunArgument& argument) {
  const PaddingMask mask(argument);
  if (!mask.any()) return;
  const auto bytes = static_cast<int64_t>(SizeOf(argument.dtype));
  const int64_t count = ElementsOf(argument);
  for (int64_t i = 0; i < count; ++i) {
    if (mask.IsPadding(i)) std::memset(static_cast<char*>(data) + i * bytes, 0, bytes);
  }
}

}  // namespace

int64_t ElementsOf(const RunArgument& argument) {
  int64_t count = 1;
  for (const int64_t dim : argument.shape) count *= dim;
  return count;
}

void FillUniform(float* data, int64_t count, uint64_t seed) {
  const uint32_t mixed = Mixed(seed);
  for (int64_t i = 0; i < count; ++i) data[i] = Unit(Hash(i, mixed));
}

void FillArgument(const RunSpec& spec, size_t i, void* data) {
  const RunArgument& argument = spec.arguments[i];
  if (i + 1 == spec.arguments.size()) {
    std::memset(data, 0xff, static_cast<size_t>(ElementsOf(argument)) * SizeOf(argument.dtype));
  } else {
    FillInput(data, argument, spec.seed + i);
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

void FillInput(void* data, const RunArgument& argument, uint64_t seed) {
  Dispatch(argument.dtype,
           [&]<typename T>() { FillElements(static_cast<T*>(data), argument, seed); });
  ZeroPadding(data, argument);
}

}  // namespace tilewright
