#include "runtime/device/gpu_models.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace tilewright::runtime {
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

// 90 of "sm_90a"; 0 of what is none.
int NumberIn(std::string_view arch) {
  return arch.starts_with("sm_") ? std::atoi(std::string(arch.substr(3)).c_str()) : 0;
}

}  // namespace

std::string_view ArchitectureOfModel(std::string_view model) {
  for (const GpuModel& known : kGpuModels) {
    if (known.name == model) return known.arch;
  }
  return "";
}

std::vector<GpuModel> ModelsByNearness(const std::string& arch) {
  const int wanted = NumberIn(arch);
  std::vector<GpuModel> models(kGpuModels.begin(), kGpuModels.end());
  const auto far = [wanted](const GpuModel& model) {
    const int number = NumberIn(model.arch);
    return std::tuple(model.board && number != wanted, std::abs(number - wanted), number);
  };
  std::stable_sort(models.begin(), models.end(),
                   [&](const GpuModel& a, const GpuModel& b) { return far(a) < far(b); });
  return models;
}

int ArchitectureNumberOf(std::string_view arch, std::string_view model) {
  return NumberIn(arch.starts_with("sm_") ? arch : ArchitectureOfModel(model));
}

GpuTraits TraitsOfModel(std::string_view arch, std::string_view model) {
  GpuTraits traits;
  for (const KnownModel& known : kModels) {
    if (model != known.name) continue;
    traits.multiprocessors = known.multiprocessors;
    traits.flops = known.flops;
    traits.memory_bytes = known.memory_bytes;
    traits.shared_bytes = known.shared_bytes;
    traits.cache_bytes = kCacheBytesOfOne * known.multiprocessors;
    return traits;
  }
  if (arch.starts_with("sm_9") || arch.starts_with("sm_10")) {
    traits.multiprocessors = 132;
    traits.shared_bytes = 227 << 10;
    traits.flops = 60e12;
    traits.memory_bytes = 4.3e12;
    traits.cache_bytes = 7e12;
  } else if (arch == "sm_80") {
    traits.multiprocessors = 108;
    traits.shared_bytes = 163 << 10;
    traits.flops = 19.5e12;
    traits.memory_bytes = 1.5e12;
    traits.cache_bytes = 4e12;
  }
  return traits;
}

}  // namespace tilewright::runtime
