#include "compiler/core/gpu_traits.h"

namespace tilewright {

GpuTraits GpuTraitsOf(const Target& target) {
  GpuTraits traits;
  if (target.kind == "opencl") {
    // What AutoTVM assumes of OpenCL devices, and the least local memory of the full profile.
    traits.limits = {.threads = 256, .block = {256, 256, 64}, .shared_bytes = 32 << 10};
    return traits;
  }
  // NVIDIA's data sheets: the newest large device of each generation.
  if (target.mcpu.starts_with("sm_9") || target.mcpu.starts_with("sm_10")) {
    traits.multiprocessors = 132;
    traits.shared_bytes = 227 << 10;
    traits.flops = 60e12;
    traits.memory_bytes = 4.3e12;
    traits.cache_bytes = 7e12;
  } else if (target.mcpu == "sm_80") {
    traits.multiprocessors = 108;
    traits.shared_bytes = 163 << 10;
    traits.flops = 19.5e12;
    traits.memory_bytes = 1.5e12;
    traits.cache_bytes = 4e12;
  }
  return traits;
}

}  // namespace tilewright
