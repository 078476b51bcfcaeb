#include "worker/machine/core_plan.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/cpu_info.h"

namespace tilewright {
namespace {

absl::Status CheckRoom(size_t cores, const CgroupLimits& limits, const PlanRequest& request) {
  const int64_t wanted = int64_t{request.slots} * request.slot_cores;
  const std::string what = absl::StrCat(request.slots, " device slot(s) of ", request.slot_cores,
                                        " core(s), but this process may ");
  if (request.slots < 0 || request.slot_cores < 1 || wanted > static_cast<int64_t>(cores)) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, "use ", cores, " physical cores; ask for fewer by --slots and --slot-cores"));
  }
  if (limits.processors && static_cast<double>(wanted) > *limits.processors) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, "use ", *limits.processors,
                     " processors at a time (its control group's limit): timings would be cut; "
                     "raise cpu.max or ask for fewer"));
  }
  return absl::OkStatus();
}

// Builders wait for nothing but the processor: one for each CPU, unless the group's share of
// processor time, which the slots need, is smaller.
void CountBuilders(const CgroupLimits& limits, int64_t slot_cpus, CorePlan* plan) {
  plan->builders = static_cast<int>(plan->others.size());
  if (!limits.processors) return;
  const int left = static_cast<int>(std::floor(*limits.processors)) - static_cast<int>(slot_cpus);
  plan->builders = std::clamp(plan->builders, 1, std::max(left, 1));
  if (left < 1) {
    plan->remarks.push_back(
        "the control group has no processor time to spare for builders: "
        "they take it from measurements (cpu.max)");
  }
}

void ChooseOthers(const std::vector<PhysicalCore>& cores, size_t left, CorePlan* plan) {
  for (size_t i = 0; i < left; ++i) {
    plan->others.insert(plan->others.end(), cores[i].cpus.begin(), cores[i].cpus.end());
  }
  plan->apart = left > 0;
  if (plan->apart) return;
  plan->remarks.push_back("there is no core beside the slots: builders disturb measurements");
  for (const PhysicalCore& core : cores) {  // at least another hyper-thread, where there is one
    plan->others.insert(plan->others.end(), core.cpus.begin() + 1, core.cpus.end());
  }
  for (size_t i = 0; i < cores.size() && plan->others.empty(); ++i) {
    plan->others = cores[i].cpus;
  }
}

// A slot's next kernel is prepared where its memory will be near: the first touch says where it is.
std::vector<int> AheadOf(const PhysicalCore& slot, const std::vector<PhysicalCore>& cores,
                         size_t left) {
  std::vector<int> ahead;
  for (size_t i = 0; i < left; ++i) {
    if (cores[i].node != slot.node) continue;
    ahead.insert(ahead.end(), cores[i].cpus.begin(), cores[i].cpus.end());
  }
  return ahead;
}

}  // namespace

absl::StatusOr<CorePlan> PlanCores(const std::vector<PhysicalCore>& cores,
                                   const CgroupLimits& limits, const PlanRequest& request) {
  TW_RETURN_IF_ERROR(CheckRoom(cores.size(), limits, request));
  CorePlan plan{.memory_bytes = limits.memory_bytes.value_or(0)};
  size_t left = cores.size();
  bool whole = true;
  for (int s = 0; s < request.slots; ++s) {
    left -= static_cast<size_t>(request.slot_cores);
    std::vector<int>& slot = plan.slots.emplace_back();
    for (int c = 0; c < request.slot_cores; ++c) {
      slot.push_back(cores[left + static_cast<size_t>(c)].cpus.front());
      whole = whole && cores[left + static_cast<size_t>(c)].whole;
    }
  }
  if (!whole) {
    plan.remarks.push_back("hyper-threads of a slot's cores belong to others: timings may be off");
  }
  ChooseOthers(cores, left, &plan);
  for (size_t first = cores.size(); first > left;) {
    first -= static_cast<size_t>(request.slot_cores);
    plan.ahead.push_back(AheadOf(cores[first], cores, left));
  }
  std::sort(plan.others.begin(), plan.others.end());
  CountBuilders(limits, int64_t{request.slots} * request.slot_cores, &plan);
  return plan;
}

absl::StatusOr<CorePlan> PlanThisMachine(const PlanRequest& request) {
  TW_ASSIGN_OR_RETURN(const std::vector<PhysicalCore> cores, ReadTopology(runtime::AllowedCpus()));
  return PlanCores(cores, ReadCgroupLimits(), request);
}

}  // namespace tilewright
