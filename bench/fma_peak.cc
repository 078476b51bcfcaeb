#include "bench/fma_peak.h"

#include <algorithm>
#include <chrono>

namespace tilewright {
namespace {

// 12 chains cover 2 units x latency 4 (5 on some cores) with room.
constexpr int kChains = 12;
constexpr long kIterations = 200'000;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) void SpinAvx512() {
  for (long i = 0; i < kIterations; ++i) {
    asm volatile(
        "vfmadd231ps %%zmm31, %%zmm30, %%zmm0\n vfmadd231ps %%zmm31, %%zmm30, %%zmm1\n"
        "vfmadd231ps %%zmm31, %%zmm30, %%zmm2\n vfmadd231ps %%zmm31, %%zmm30, %%zmm3\n"
        "vfmadd231ps %%zmm31, %%zmm30, %%zmm4\n vfmadd231ps %%zmm31, %%zmm30, %%zmm5\n"
        "vfmadd231ps %%zmm31, %%zmm30, %%zmm6\n vfmadd231ps %%zmm31, %%zmm30, %%zmm7\n"
        "vfmadd231ps %%zmm31, %%zmm30, %%zmm8\n vfmadd231ps %%zmm31, %%zmm30, %%zmm9\n"
        "vfmadd231ps %%zmm31, %%zmm30, %%zmm10\n vfmadd231ps %%zmm31, %%zmm30, %%zmm11\n" ::
            : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
              "xmm10", "xmm11");
  }
}

__attribute__((target("avx2,fma"))) void SpinAvx2() {
  for (long i = 0; i < kIterations; ++i) {
    asm volatile(
        "vfmadd231ps %%ymm15, %%ymm14, %%ymm0\n vfmadd231ps %%ymm15, %%ymm14, %%ymm1\n"
        "vfmadd231ps %%ymm15, %%ymm14, %%ymm2\n vfmadd231ps %%ymm15, %%ymm14, %%ymm3\n"
        "vfmadd231ps %%ymm15, %%ymm14, %%ymm4\n vfmadd231ps %%ymm15, %%ymm14, %%ymm5\n"
        "vfmadd231ps %%ymm15, %%ymm14, %%ymm6\n vfmadd231ps %%ymm15, %%ymm14, %%ymm7\n"
        "vfmadd231ps %%ymm15, %%ymm14, %%ymm8\n vfmadd231ps %%ymm15, %%ymm14, %%ymm9\n"
        "vfmadd231ps %%ymm15, %%ymm14, %%ymm10\n vfmadd231ps %%ymm15, %%ymm14, %%ymm11\n" ::
            : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
              "xmm10", "xmm11");
  }
}

struct Kernel {
  void (*spin)();
  int lanes;
};

Kernel Widest() {
  if (__builtin_cpu_supports("avx512f")) return {SpinAvx512, 16};
  return {SpinAvx2, 8};
}

#endif

}  // namespace

double MeasureFmaPeakGflops() {
#if defined(__x86_64__)
  const Kernel kernel = Widest();
  double best = 0;
  for (int run = 0; run < 10; ++run) {
    const auto start = std::chrono::steady_clock::now();
    kernel.spin();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * kernel.lanes * kChains * kIterations / elapsed.count() / 1e9);
  }
  return best;
#else
  return 0;
#endif
}

}  // namespace tilewright
