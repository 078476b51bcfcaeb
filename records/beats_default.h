// Whether a record is worth leaving the default schedule for: a tuned model must not be slower than
// the untuned one because of a lucky measurement.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "records/record_store.h"

namespace tilewright {

// Where and how kernels were measured.
struct MeasuredOn {
  std::string device_key;
  int threads = 1;
};

// A config of the task as it was measured there; of several measurements the one with
// the middle time (of two the faster). nullopt: it was not measured. NotFound: unknown template.
absl::StatusOr<std::optional<Timing>> ConfigTiming(const RecordStore& store, const Task& task,
                                                   const Config& config, const MeasuredOn& where);

// The same of the default config, that of UntunedTemplate(.., exact),; nullopt also when no
// template takes the workload.
absl::StatusOr<std::optional<Timing>> DefaultTiming(const RecordStore& store,
                                                    const Workload& workload, const Target& target,
                                                    const MeasuredOn& where, bool exact);

// False when the default of the record's workload was measured too (on the record's device key and
// target, with its threads) and the record is not faster beyond the noise of both
// (records/noise.h). REQUIRES: `best` is timed.
absl::StatusOr<bool> BeatsDefault(const RecordStore& store, const Record& best, bool exact);

}  // namespace tilewright
