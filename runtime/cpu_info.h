// How much of this machine this process may use.
#pragma once

#include <pthread.h>

#include <vector>

namespace tilewright::runtime {

// Numbers of the CPUs this process may be scheduled on; never empty.
std::vector<int> AllowedCpus();

// Confines a thread to one CPU, at once; does nothing when the system refuses.
void BindThread(pthread_t thread, int cpu);

}  // namespace tilewright::runtime
