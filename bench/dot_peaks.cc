// bench-dot-peaks: the peaks of one thread's dot products of narrow numbers in GOP/s (a product and
// its sum are two), in 512-bit vectors: vpdpbusd, vpdpwssd and vdpbf16ps, where the CPU has them.
#include <algorithm>
#include <chrono>
#include <cstdio>

#if defined(__x86_64__)

namespace {

constexpr long kSteps = 1 << 16;
constexpr int kAccumulators = 12;  // more than latency times throughput of any of them
constexpr int kRepeats = 100;

#define DOT(name, to) name " %%zmm15, %%zmm15, %%zmm" #to "\n"
#define DOTS(name)                                                                                \
  asm volatile(DOT(name, 0) DOT(name, 1) DOT(name, 2) DOT(name, 3) DOT(name, 4) DOT(name, 5) DOT( \
                   name, 6) DOT(name, 7) DOT(name, 8) DOT(name, 9) DOT(name, 10) DOT(name, 11)::  \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",      \
                     "xmm9", "xmm10", "xmm11")

void Clear() {
  asm volatile("vzeroall" ::
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                     "xmm10", "xmm11", "xmm15");
}

void Bytes() {
  for (long i = 0; i < kSteps; ++i) DOTS("vpdpbusd");
}

void Words() {
  for (long i = 0; i < kSteps; ++i) DOTS("vpdpwssd");
}

void BFloat16s() {
  for (long i = 0; i < kSteps; ++i) DOTS("vdpbf16ps");
}

void Print(const char* name, void (*dots)(), int products) {
  double least = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    Clear();
    const auto start = std::chrono::steady_clock::now();
    dots();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    least = std::min(least, taken.count());
  }
  std::printf("%-10s %.1f\n", name, 2.0 * products * kAccumulators * kSteps / least / 1e9);
}

}  // namespace

int main() {
  if (__builtin_cpu_supports("avx512vnni")) {
    Print("vpdpbusd", Bytes, 64);
    Print("vpdpwssd", Words, 32);
  }
  if (__builtin_cpu_supports("avx512bf16")) Print("vdpbf16ps", BFloat16s, 32);
}

#else

int main() { std::puts("no instruction of x86-64"); }

#endif
