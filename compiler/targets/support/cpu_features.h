// What a CPU must have to run the code that is made for a target.
#pragma once

#include <string>
#include <vector>

#include "compiler/core/target.h"

namespace tilewright {

// Everything LLVM may use for the target beyond its architecture's first version, by Linux's names
// (the "flags" or "Features" of /proc/cpuinfo; on RISC-V letters of the ISA string), sorted. The
// runtime compares them with what it runs on (runtime/cpu_features.h). REQUIRES: kind "cpu",
// resolved.
std::vector<std::string> CpuFeaturesOf(const Target& target);

}  // namespace tilewright
