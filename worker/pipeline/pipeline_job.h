// A trial on its way through the pipeline, and where it runs. Only for the pipeline's own files.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "worker/pipeline/network_round.h"
#include "worker/pipeline/pipeline.h"
#include "worker/pipeline/removed_file.h"
#include "worker/process/prepared_kernel.h"

namespace tilewright {

// One has its turn, the other is prepared.
inline constexpr size_t kRunsASlot = 2;

inline double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Pipeline::Job {
  WorkerTrial trial;
  std::chrono::steady_clock::time_point added;
  std::unique_ptr<RemovedFile> library;
  BuiltKernel kernel;
  ReferenceFuture reference;
  NetworkPackages packages;                // of a whole network, instead of the kernel
  std::optional<PreparedKernel> prepared;  // on its way to its turn
  SpareTime spare;                         // in its turn
  WorkerResult result;

  bool HasReference() const {
    return trial.network ||
           reference.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
};

struct Pipeline::Slot {
  Slot(const CorePlan& plan, size_t slot)
      : number(slot),
        cores(plan.slots[slot]),
        ahead(slot < plan.ahead.size() ? plan.ahead[slot] : std::vector<int>()) {}

  const size_t number;
  const std::vector<int> cores, ahead;
  size_t jobs = 0;  // taken and not yet done; under the pipeline's mutex
  // Of whoever has the turn:
  std::chrono::steady_clock::time_point last_checkup = std::chrono::steady_clock::now();
  std::vector<WorkerTrial> unproven;  // measured since the last good checkup; their names alone
};

}  // namespace tilewright
