// What this machine offers: its name and how its cores are shared out. Reads /proc and the
// process's affinity. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// "AMD EPYC 9B45"; "unknown cpu" when the kernel does not say.
std::string CpuName();
// "hostname-3fa9c1": random, so that it is unique in the farm.
std::string DefaultWorkerName();
// Cores this process may run on, ascending.
std::vector<int> AllowedCores();

// Who runs where: each slot gets a core of its own, from the last; builders and the worker itself
// share the others. With one core everything shares it.
struct CorePlan {
  std::vector<std::vector<int>> slots;
  std::vector<int> others;
};
// InvalidArgument when there are fewer cores than slots.
absl::StatusOr<CorePlan> PlanCores(const std::vector<int>& allowed, int slots);

// Confines the calling thread, and the threads it will start, to these cores.
void PinThisThread(const std::vector<int>& cores);

}  // namespace tilewright
