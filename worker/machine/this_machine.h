// What this machine is called and where threads may run. Reads /proc and the process's affinity.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace tilewright {

// "AMD EPYC 9B45"; "unknown cpu" when the kernel does not say.
std::string CpuName();
// "hostname-3fa9c1": random, so that it is unique in the farm.
std::string DefaultWorkerName();
// Logical CPUs this process may run on, ascending; the first one where the kernel does not say.
std::vector<int> AllowedCores();

// Confines the calling thread, and the threads it will start, to these CPUs.
void PinThisThread(const std::vector<int>& cores);

}  // namespace tilewright
