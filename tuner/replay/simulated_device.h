// A device that is not there: answers trials from a recorded space, or by numbers that follow from
// a seed. To rehearse a farm, and to put it under load. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/task.h"
#include "tuner/replay/recorded_space.h"

namespace tilewright {

class SimulatedDevice {
 public:
  // `space` is a file (recorded_space.h), or "synthetic:SEED": then every config of every task has
  // a time, at the least what the task takes at a speed of its own and up to 2.2 times that for
  // each knob, and one in thirty fails. Statuses as of LoadRecordedSpace; InvalidArgument for a
  // seed that is no number.
  static absl::StatusOr<SimulatedDevice> Open(const std::string& space);

  // The target that was recorded for; nullopt: any.
  const std::optional<Target>& target() const { return target_; }

  // Always the same for the same arguments. `flops`: of the workload. What was not recorded,
  // another task's config for example, fails with kInstantiation.
  Outcome Measure(const Task& task, double flops, const Config& config) const;

 private:
  SimulatedDevice() = default;
  Outcome Recorded(const Task& task, const Config& config) const;
  Outcome Synthetic(const Task& task, double flops, const Config& config) const;

  uint64_t seed_ = 0;
  std::optional<RecordedSpace> recorded_;  // none: synthetic
  std::string task_key_;                   // of the recorded task; empty: unknown
  std::optional<Target> target_;
};

}  // namespace tilewright
