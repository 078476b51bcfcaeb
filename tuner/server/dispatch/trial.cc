#include "tuner/server/dispatch/trial.h"

#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// Operations a second beyond what one slot of any device reaches: 256 cores with two 512-bit FMA
// units at 6 GHz do 10^14 in single precision, and Winograd's algorithm saves up to three quarters
// of them; accelerators have been announced with up to 10^16 in their lowest precision.
constexpr double kCpuFlops = 4e14;
constexpr double kAnyFlops = 1e17;

}  // namespace

std::string NameOf(WorkerRole role) {
  switch (role) {
    case WorkerRole::kBoth: return "both";
    case WorkerRole::kBuild: return "build";
    case WorkerRole::kRun: return "run";
  }
  return "both";
}

bool IsPossible(const Task& task, const Outcome& outcome) {
  const std::optional<double> seconds = MedianSeconds(outcome);
  if (!seconds || task.workload.inputs.empty()) return true;
  const double most = task.target.kind == "cpu" ? kCpuFlops : kAnyFlops;
  return *seconds * most >= Flops(task.workload);
}

}  // namespace tilewright
