// What this machine can do at most, measured: every figure is a share of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tilewright {

enum class VectorKind { kWidest, kAvx512, kAvx2, kSse };

// GFLOP/s of one thread in FP32 (the best of 10 runs of a few milliseconds): independent
// accumulators, multiply-adds in vectors of the kind (for SSE, which has none, multiplications
// beside additions). 0: this CPU has not that kind, or it is no x86-64. Thread-safe.
double MeasureFmaPeakGflops(VectorKind kind = VectorKind::kWidest);

// Bytes a second at which one thread reads so many bytes again and again, as a network its weights:
// from memory, or from the caches that hold them. At most 1 GiB are tried. Takes some 0.1 s.
double MeasureReadBandwidth(size_t bytes);

}  // namespace tilewright
