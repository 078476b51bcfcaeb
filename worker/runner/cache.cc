#include "worker/runner/cache.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif !defined(__aarch64__)
#include <vector>
#endif

namespace tilewright {

#if defined(__x86_64__)

namespace {

constexpr size_t kLine = 64;

bool HasFlushOpt() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_CLFLUSHOPT) != 0;
}

// Flushes run in parallel, unlike clflush, which waits for each.
__attribute__((target("clflushopt"))) void FlushOpt(char* begin, char* end) {
  for (char* p = begin; p < end; p += kLine) _mm_clflushopt(p);
}

void Flush(char* begin, char* end) {
  for (char* p = begin; p < end; p += kLine) _mm_clflush(p);
}

}  // namespace

void EvictFromCaches(const void* data, size_t bytes) {
  static const bool has_flush_opt = HasFlushOpt();
  char* begin = static_cast<char*>(const_cast<void*>(data));
  has_flush_opt ? FlushOpt(begin, begin + bytes) : Flush(begin, begin + bytes);
  _mm_mfence();
}

#elif defined(__aarch64__)

void EvictFromCaches(const void* data, size_t bytes) {
  constexpr size_t kLine = 64;
  const char* begin = static_cast<const char*>(data);
  for (const char* p = begin; p < begin + bytes; p += kLine) {
    asm volatile("dc civac, %0" ::"r"(p) : "memory");
  }
  asm volatile("dsb sy" ::: "memory");
}

#else

void EvictFromCaches(const void*, size_t) {
  static std::vector<char> large(64 << 20, 1);
  volatile char sum = 0;
  for (size_t i = 0; i < large.size(); i += 64) sum = sum + large[i];
}

#endif

}  // namespace tilewright
