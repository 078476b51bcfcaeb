// Models of NVIDIA devices, as AutoTVM's targets name them after -model=, and their architectures
// (compute capabilities by NVIDIA's list at developer.nvidia.com/cuda-gpus).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/gpu_traits.h"

namespace tilewright::runtime {

struct GpuModel {
  std::string_view name, arch;
  bool board = false;  // a small device that shares its memory with a CPU
};

inline constexpr std::array<GpuModel, 20> kGpuModels = {{
    {"jetson-nano", "sm_53", true},
    {"tx2", "sm_62", true},
    {"1080ti", "sm_61"},
    {"titanx", "sm_61"},
    {"v100", "sm_70"},
    {"t4", "sm_75"},
    {"2080ti", "sm_75"},
    {"a100", "sm_80"},
    {"a10", "sm_86"},
    {"a40", "sm_86"},
    {"3070", "sm_86"},
    {"3080", "sm_86"},
    {"3090", "sm_86"},
    {"4090", "sm_89"},
    {"l4", "sm_89"},
    {"l40", "sm_89"},
    {"h100", "sm_90"},
    {"h200", "sm_90"},
    {"b200", "sm_100"},
    {"5090", "sm_120"},
}};

// "" for a model that is not listed.
std::string_view ArchitectureOfModel(std::string_view model);

// All of them, those that say most of a device of the architecture first: the same architecture,
// then the nearest one, of two the older, boards last unless their architecture is the same.
std::vector<GpuModel> ModelsByNearness(const std::string& arch);

// 90 of the architecture "sm_90a", else of such a model's; 0 where neither is said.
int ArchitectureNumberOf(std::string_view arch, std::string_view model);

// What NVIDIA's data sheets say of the model, else of the newest large device of the architecture.
GpuTraits TraitsOfModel(std::string_view arch, std::string_view model);

}  // namespace tilewright::runtime
