// What this machine is called, and where a thread runs. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace tilewright {

// "AMD EPYC 9B45"; "unknown cpu" when the kernel does not say.
std::string CpuName();
// "hostname-3fa9c1": random, so that it is unique in the farm.
std::string DefaultWorkerName();

// Confines the calling thread, and the threads it will start, to these CPUs.
void PinThisThread(const std::vector<int>& cores);

}  // namespace tilewright
