// The tasks of a job, made from its spec: spaces, searchers, what is known of them. Large; kept
// only while the job runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/schedule/config_space.h"
#include "proto/measure_options.h"
#include "proto/tilewright.pb.h"
#include "records/store/record_store.h"
#include "tuner/loop/tune.h"
#include "tuner/search/searcher.h"

namespace tilewright {

// A hash of everything in the spec, and of the owner unless that is "", with the model's name in
// front: "resnet18-3f2a90c1d4e5f607".
std::string JobId(const v1::JobSpec& spec, const std::string& owner);

// That kernels are timed with.
uint32_t ThreadsOf(const v1::JobSpec& spec);

// Of every trial, but for the incumbent. REQUIRES: CheckSpec(spec).ok().
MeasureOptions MeasureOptionsOf(const v1::JobSpec& spec);

// InvalidArgument names the field, task, strategy or option that cannot be. Builds one space.
absl::Status CheckSpec(const v1::JobSpec& spec);

struct JobTask {
  Task task;
  uint32_t count = 1;
  ConfigSpace space;
  std::unique_ptr<Searcher> searcher;  // null when made without
  std::vector<Trial> history;
  std::vector<uint64_t> seeds;

  // Of the history; 0 = none.
  double BestSeconds() const;
};
using JobTasks = std::vector<std::unique_ptr<JobTask>>;

// Those of the row's spec, with what other jobs measured on this key, with as many threads, up to
// record `row.history_end`. Slow: builds spaces, reads the store. REQUIRES: CheckSpec(spec).ok().
absl::StatusOr<JobTasks> MakeJobTasks(const v1::JobSpec& spec, const JobRow& row,
                                      const RecordStore& store, bool with_searchers);

// What the loop is given: of a job's time what the last phase (tuner/server/jobs/network_phase.h)
// leaves where the client sent a model; the tasks outlive it and lose their history to it.
TuneJob MakeTuneJob(const v1::JobSpec& spec, JobTasks& tasks);

}  // namespace tilewright
