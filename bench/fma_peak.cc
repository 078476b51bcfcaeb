// bench-fma-peak [avx512|avx2|sse]: prints the FP32 peak of one thread in GFLOP/s, in the widest
// vectors or in those named.
#include <cstdio>
#include <string_view>

#include "worker/machine/peaks.h"

int main(int argc, char** argv) {
  using tilewright::VectorKind;
  const std::string_view name = argc > 1 ? argv[1] : "";
  VectorKind kind = VectorKind::kWidest;
  if (name == "avx512") kind = VectorKind::kAvx512;
  if (name == "avx2") kind = VectorKind::kAvx2;
  if (name == "sse") kind = VectorKind::kSse;
  if (!name.empty() && kind == VectorKind::kWidest) {
    std::fprintf(stderr, "bench-fma-peak [avx512|avx2|sse]\n");
    return 2;
  }
  std::printf("%.1f\n", tilewright::MeasureFmaPeakGflops(kind));
}
