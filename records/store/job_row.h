// A job as the store keeps it. Values; what the texts and bytes mean is tuner/server's.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/core/outcome.h"

namespace tilewright {

struct JobRow {
  std::string id;
  std::string owner;
  std::string request;  // the client's id of the request that made it; "" = none
  uint32_t weight = 1;
  std::string state;
  std::string message;
  std::string spec, result;  // bytes, perhaps megabytes; lists of jobs leave them empty
  // Of the spec, for lists of jobs. No tasks: a row that an older program wrote.
  std::string name, device_key;
  uint32_t tasks = 0;
  uint64_t budget = 0;              // trials; 0 = none
  double created = 0, changed = 0;  // unix seconds
  uint64_t trials = 0, failures = 0;
  double model_seconds = 0;
  int64_t history_end = 0;  // id of the last record that was there at its start

  friend bool operator==(const JobRow&, const JobRow&) = default;
};

struct JobStepRow {
  std::string job;
  uint64_t step = 0;  // of the job, from 1 without gaps
  double seconds = 0;
  std::string text;

  friend bool operator==(const JobStepRow&, const JobStepRow&) = default;
};

// What a job's resumption needs of a record.
struct JobResult {
  int64_t id = 0;      // of the record
  uint64_t trial = 0;  // number in the job
  Outcome outcome;
  double build_seconds = 0, run_seconds = 0;
  double unix_time = 0;
  std::string device, worker, builder;
};

}  // namespace tilewright
