// What a package's machine must have.
#pragma once

#include <string>
#include <vector>

#include "compiler/core/target.h"

namespace tilewright {

// The features, by their names in /proc/cpuinfo, that code for the target may use and that not
// every CPU of its architecture has.
std::vector<std::string> CpuFeaturesOf(const Target& target);

}  // namespace tilewright
