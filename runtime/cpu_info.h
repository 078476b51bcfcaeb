// What this machine's CPU can do and how much of it this process may use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tilewright::runtime {

// The wanted features that the text of /proc/cpuinfo does not list ("flags" on x86, "Features"
// on Arm), in the order given.
std::vector<std::string> MissingFeatures(const std::vector<std::string>& wanted,
                                         std::string_view cpuinfo);
// The text of /proc/cpuinfo up to the end of the first CPU.
std::string ReadCpuInfo();

// Numbers of the CPUs this process may be scheduled on; never empty.
std::vector<int> AllowedCpus();

// Confines the calling thread to one CPU; does nothing when the system refuses.
void BindThisThread(int cpu);

}  // namespace tilewright::runtime
