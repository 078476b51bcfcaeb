// What schedules need to know of a GPU: from the target's text alone, so that a config space is the
// same on every machine.
#pragma once

#include "compiler/core/launch.h"
#include "compiler/core/target.h"

namespace tilewright {

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

// REQUIRES: IsGpu(target).
GpuTraits GpuTraitsOf(const Target& target);

// 90 of "cuda -arch=sm_90", of "emu -arch=sm_90" or of such a -model; 0 of other targets, and
// where neither is said.
int ArchitectureNumber(const Target& target);

inline bool IsGpu(const Target& target) {
  return target.kind == "cuda" || target.kind == "opencl" || target.kind == "emu";
}

}  // namespace tilewright
