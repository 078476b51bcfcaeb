#include "worker/machine/peaks.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace tilewright {
namespace {

// 12 chains cover 2 units x latency 4 (5 on some cores) with room.
constexpr int kChains = 12;
constexpr long kIterations = 200'000;
constexpr size_t kLeastRead = size_t{1} << 20, kMostRead = size_t{1} << 30;
constexpr int kReads = 4;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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

// Six multiplications beside six additions, of zeros: what lies in the registers may be denormal,
// and slow.
void SpinSse() {
  asm volatile(
      "xorps %%xmm0, %%xmm0\n xorps %%xmm1, %%xmm1\n xorps %%xmm2, %%xmm2\n"
      "xorps %%xmm3, %%xmm3\n xorps %%xmm4, %%xmm4\n xorps %%xmm5, %%xmm5\n"
      "xorps %%xmm6, %%xmm6\n xorps %%xmm7, %%xmm7\n xorps %%xmm8, %%xmm8\n"
      "xorps %%xmm9, %%xmm9\n xorps %%xmm10, %%xmm10\n xorps %%xmm11, %%xmm11\n"
      "xorps %%xmm14, %%xmm14\n xorps %%xmm15, %%xmm15\n" ::
          : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
            "xmm11", "xmm14", "xmm15");
  for (long i = 0; i < kIterations; ++i) {
    asm volatile(
        "mulps %%xmm15, %%xmm0\n addps %%xmm14, %%xmm1\n mulps %%xmm15, %%xmm2\n"
        "addps %%xmm14, %%xmm3\n mulps %%xmm15, %%xmm4\n addps %%xmm14, %%xmm5\n"
        "mulps %%xmm15, %%xmm6\n addps %%xmm14, %%xmm7\n mulps %%xmm15, %%xmm8\n"
        "addps %%xmm14, %%xmm9\n mulps %%xmm15, %%xmm10\n addps %%xmm14, %%xmm11\n" ::
            : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
              "xmm10", "xmm11");
  }
}

struct Kernel {
  void (*spin)() = nullptr;
  double flops = 0;  // of one call
};

Kernel KernelOf(VectorKind kind) {
  const bool avx512 = __builtin_cpu_supports("avx512f"), avx2 = __builtin_cpu_supports("fma");
  constexpr double kChainCalls = 1.0 * kChains * kIterations;
  if (kind == VectorKind::kWidest) {
    kind = avx512 ? VectorKind::kAvx512 : avx2 ? VectorKind::kAvx2 : VectorKind::kSse;
  }
  if (kind == VectorKind::kAvx512 && avx512) return {SpinAvx512, 2 * 16 * kChainCalls};
  if (kind == VectorKind::kAvx2 && avx2) return {SpinAvx2, 2 * 8 * kChainCalls};
  if (kind == VectorKind::kSse) return {SpinSse, 4 * kChainCalls};
  return {};
}

#endif

}  // namespace

double MeasureFmaPeakGflops([[maybe_unused]] VectorKind kind) {
#if defined(__x86_64__)
  const Kernel kernel = KernelOf(kind);
  double best = 0;
  for (int run = 0; run < 10 && kernel.spin != nullptr; ++run) {
    const double start = Now();
    kernel.spin();
    best = std::max(best, kernel.flops / (Now() - start) / 1e9);
  }
  return best;
#else
  return 0;
#endif
}

double MeasureReadBandwidth(size_t bytes) {
  bytes = std::clamp(bytes, kLeastRead, kMostRead) / 64 * 64;
  const std::vector<uint64_t> memory(bytes / sizeof(uint64_t), 1);
  double best = 0;
  for (int run = 0; run < kReads; ++run) {
    const double start = Now();
    uint64_t sums[8] = {};  // independent, so that loads and not additions are the limit
    for (size_t i = 0; i < memory.size(); i += 8) {
      for (size_t j = 0; j < 8; ++j) sums[j] += memory[i + j];
    }
    volatile uint64_t kept =
        sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
    static_cast<void>(kept);
    best = std::max(best, static_cast<double>(bytes) / (Now() - start));
  }
  return best;
}

}  // namespace tilewright
