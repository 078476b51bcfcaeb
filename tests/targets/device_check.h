// Templates on a device, against their operators' plain definition compiled for this CPU.
#pragma once

#include <string>

#include "compiler/core/workload.h"
#include "compiler/templates/template.h"

namespace tilewright {

// One config on the device, "opencl:0" or "emu:7".
void CheckConfig(const std::string& device, const Task& task, const Config& config, uint64_t seed);
// Configs of a space that are tried beside the default.
struct DeviceSamples {
  uint64_t seed;
  int count;
};
// The defaults of every matching template, and samples of each one's space.
void CheckTemplates(const std::string& device, const Target& target, const Workload& workload,
                    const DeviceSamples& samples);

}  // namespace tilewright
