// Who runs where. A slot is for timing: it has whole physical cores whose hyper-threads stay idle.
// Builders and the worker itself share the cores that are left.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/machine/cgroup.h"
#include "worker/machine/topology.h"

namespace tilewright {

struct CorePlan {
  std::vector<std::vector<int>> slots;  // one CPU of each of a slot's cores: its threads run there
  std::vector<int> others;              // CPUs of all else
  bool apart = false;                   // those are whole cores beside the slots'
  // By slot: those of `others` where its next kernel is prepared while one is timed. They are of
  // the slot's memory node, where what is prepared shall lie; empty: none is, or not apart.
  std::vector<std::vector<int>> ahead;
  int builders = 1;                  // compilers at once that these and the limits bear
  std::vector<std::string> remarks;  // what disturbs timings here, for people
  int64_t memory_bytes = 0;          // what the group may use; 0 = no limit
};

struct PlanRequest {
  int slots = 1;       // 0: only builders
  int slot_cores = 1;  // of each slot: the most threads a kernel is timed with
};

// Slots take the last cores, so that those interrupts prefer are left out. With no other core
// builders run on the slots' own. InvalidArgument when cores or the group's processors do not
// suffice. Pure.
absl::StatusOr<CorePlan> PlanCores(const std::vector<PhysicalCore>& cores,
                                   const CgroupLimits& limits, const PlanRequest& request);

// PlanCores of this machine, as far as this process may use it.
absl::StatusOr<CorePlan> PlanThisMachine(const PlanRequest& request);

}  // namespace tilewright
