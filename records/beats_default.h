// Whether a record is worth leaving the default schedule for: a tuned model must not be slower than
// the untuned one because of a lucky measurement.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/record_store.h"

namespace tilewright {

// Where and how kernels were measured.
struct MeasuredOn {
  std::string device_key;
  int threads = 1;
};

// A config of a task.
struct AskedConfig {
  Task task;
  Config config;
};

// Each of the configs as it was measured there; of several measurements the one with the middle
// time (of two the faster). nullopt: it was not measured. NotFound: unknown template.
absl::StatusOr<std::vector<std::optional<Timing>>> ConfigTimings(const RecordStore& store,
                                                                 std::span<const AskedConfig> asked,
                                                                 const MeasuredOn& where);

// The same of the default config of each workload, that of UntunedTemplate(.., exact); nullopt also
// where no template takes the workload.
absl::StatusOr<std::vector<std::optional<Timing>>> DefaultTimings(
    const RecordStore& store, std::span<const Workload> workloads, const Target& target,
    const MeasuredOn& where, bool exact);

// Of each record false when the default of its workload was measured too (on the record's device
// key and target, with its threads) and the record is not faster beyond the noise of both
// (records/noise.h). REQUIRES: all are timed.
absl::StatusOr<std::vector<bool>> BeatDefaults(const RecordStore& store,
                                               std::span<const Record> records, bool exact);

}  // namespace tilewright
