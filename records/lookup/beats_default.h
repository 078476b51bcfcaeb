// Whether a record is worth leaving the default schedule for: a tuned model must not be slower than
// the untuned one because of a lucky measurement.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/schedule/config_space.h"
#include "records/store/record_store.h"

namespace tilewright {

// Where and how kernels were measured.
struct MeasuredOn {
  std::string device_key;
  int threads = 1;
};

// A config of a task, and where its measurements are looked for.
struct AskedConfig {
  Task task;
  Config config;
  MeasuredOn where;
};

// Default configs of workloads, those of UntunedTemplate(.., exact). Each is found once: judging
// the templates of a workload takes longer than all that a look-up asks the store about it.
class Defaults {
 public:
  struct Default {
    std::string template_name;
    ConfigSpace space;
    uint64_t index = 0;  // in it
  };
  explicit Defaults(bool exact) : exact_(exact) {}

  // Valid as long as this; null: no template takes the workload.
  absl::StatusOr<const Default*> Of(const Workload& workload, const Target& target);
  // What to ask of it; nullopt: no template takes the workload.
  absl::StatusOr<std::optional<AskedConfig>> Asked(const Workload& workload, const Target& target,
                                                   const MeasuredOn& where);
  // The default that a timed record has to beat: measured on the record's device key and target
  // with its threads. nullopt: there is none, or the record is of it.
  absl::StatusOr<std::optional<AskedConfig>> RivalOf(const Record& record);

 private:
  const bool exact_;
  std::map<std::string, std::optional<Default>> found_;  // by workload and target
};

// Each of the configs, written as records have it, as it was measured there; of several
// measurements the one with the middle time (of two the faster). nullopt: it was not measured, or
// nothing was asked in its place. What is asked twice is looked for once.
absl::StatusOr<std::vector<std::optional<Timing>>> ConfigTimings(
    const RecordStore& store, std::span<const std::optional<AskedConfig>> asked);

// False when the rival was measured and the record is not faster beyond the noise of both
// (records/lookup/noise.h). REQUIRES: the record is timed.
bool Beats(const Record& record, const std::optional<Timing>& rival);

}  // namespace tilewright
