// Templates on a device, against their operators' plain definition compiled for this CPU.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "compiler/core/tensor.h"
#include "compiler/core/workload.h"
#include "compiler/templates/template.h"

namespace tilewright {

// Elements in [-1, 1), integers in [-9, 9]: arguments in order, the output last.
std::vector<Tensor> SeededArguments(const Workload& workload, uint64_t seed);
// The output of the plain definition.
Tensor ExpectedOutput(const Workload& workload, const std::vector<Tensor>& args);
// The largest difference, relative to the largest element; infinite where one is not finite.
double ErrorOf(const Tensor& got, const Tensor& want);

// One config on the device, "opencl:0" or "emu:7".
void CheckConfig(const std::string& device, const Task& task, const Config& config, uint64_t seed);
// The defaults of every matching template, and `samples` configs of each one's space.
void CheckTemplates(const std::string& device, const Target& target, const Workload& workload,
                    uint64_t seed, int samples);

}  // namespace tilewright
