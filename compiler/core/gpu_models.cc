#include "compiler/core/gpu_models.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace tilewright {
namespace {

// 90 of "sm_90a"; 0 of what is none.
int NumberOf(std::string_view arch) {
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
  const int wanted = NumberOf(arch);
  std::vector<GpuModel> models(kGpuModels.begin(), kGpuModels.end());
  const auto far = [wanted](const GpuModel& model) {
    const int number = NumberOf(model.arch);
    return std::tuple(model.board && number != wanted, std::abs(number - wanted), number);
  };
  std::stable_sort(models.begin(), models.end(),
                   [&](const GpuModel& a, const GpuModel& b) { return far(a) < far(b); });
  return models;
}

}  // namespace tilewright
