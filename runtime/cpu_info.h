// How much of this machine this process may use.
#pragma once

#include <vector>

namespace tilewright::runtime {

// Numbers of the CPUs this process may be scheduled on; never empty.
std::vector<int> AllowedCpus();

// Confines the calling thread to one CPU; does nothing when the system refuses.
void BindThisThread(int cpu);

}  // namespace tilewright::runtime
