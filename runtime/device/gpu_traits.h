// What may be assumed of a GPU that is known by its target's text alone.
#pragma once

#include <array>
#include <cstdint>

namespace tilewright::runtime {

// What a device allows. The defaults are those of every CUDA device since 2014 (CUDA C++
// Programming Guide, "Technical Specifications per Compute Capability").
struct LaunchLimits {
  int64_t threads = 1024;
  std::array<int64_t, 3> block = {1024, 1024, 64};
  std::array<int64_t, 3> grid = {(int64_t{1} << 31) - 1, 65535, 65535};
  int64_t shared_bytes = 48 << 10;
};

struct GpuTraits {
  LaunchLimits limits;
  int64_t registers = 64 << 10;  // of a multiprocessor
  int64_t shared_bytes = 96 << 10;
  int64_t resident_threads = 2048;
  int multiprocessors = 80;
  double flops = 14e12;          // float32, multiply-add as two
  double memory_bytes = 0.8e12;  // a second, from device memory
  double cache_bytes = 2.5e12;   // a second, from the cache that all multiprocessors share
};

}  // namespace tilewright::runtime
