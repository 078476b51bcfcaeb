#include "compiler/core/gpu_traits.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include "compiler/core/gpu_models.h"

namespace tilewright {
namespace {

// Devices far from the defaults that TopHub has records of; NVIDIA's data sheets.
struct KnownModel {
  std::string_view name;
  int multiprocessors;
  double flops, memory_bytes;
  int64_t shared_bytes;
};
constexpr KnownModel kModels[] = {{"jetson-nano", 1, 0.236e12, 25.6e9, 64 << 10},
                                  {"tx2", 2, 0.67e12, 59.7e9, 64 << 10},
                                  {"1080ti", 28, 11.3e12, 484e9, 96 << 10}};
constexpr double kCacheBytesOfOne = 31e9;  // a second, of each multiprocessor, as by default

}  // namespace

int ArchitectureNumber(const Target& target) {
  if (target.kind != "cuda" && target.kind != "emu") return 0;
  const std::string_view own = target.mcpu;
  const std::string_view arch = own.starts_with("sm_") ? own : ArchitectureOfModel(target.model);
  return arch.empty() ? 0 : std::atoi(std::string(arch.substr(3)).c_str());
}

GpuTraits GpuTraitsOf(const Target& target) {
  GpuTraits traits;
  if (target.kind == "opencl") {
    // What AutoTVM assumes of OpenCL devices, and the least local memory of the full profile.
    traits.limits = {.threads = 256, .block = {256, 256, 64}, .shared_bytes = 32 << 10};
    return traits;
  }
  for (const KnownModel& known : kModels) {
    if (target.model != known.name) continue;
    traits.multiprocessors = known.multiprocessors;
    traits.flops = known.flops;
    traits.memory_bytes = known.memory_bytes;
    traits.shared_bytes = known.shared_bytes;
    traits.cache_bytes = kCacheBytesOfOne * known.multiprocessors;
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
