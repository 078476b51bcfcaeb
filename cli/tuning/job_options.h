// The options of verbs that make a job of a model: tune and submit.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/model/model_options.h"
#include "cli/tuning/measure_flags.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

struct JobOptions {
  ModelOptions model;
  bool target_given = false;  // the user chose model.target
  std::string key;
  std::string tuner = "gp";
  std::vector<std::string> tuner_options;
  uint64_t trials = 0;
  std::string time;
  uint64_t early_stopping = 0;
  std::string tasks = "all";
  uint64_t seed = 0;
  uint32_t priority = 1;   // on a farm, among the user's jobs
  bool no_wait = false;    // on a farm, fail when no worker offers the key
  uint32_t threads = 1;    // that the network will run with
  std::string cost_model;  // of `tilewright train`; "" = none
  MeasureFlags measure;
};

// `options` must live as long as the verb. --key and --server are the verb's own.
void AddJobOptions(CLI::App* verb, JobOptions* options);

// Imports the model and names its tasks; the job has no model yet (cli/tuning/job_network.h).
// REQUIRES: options.key set. Wrong usage for options that cannot be.
absl::StatusOr<v1::JobSpec> MakeJob(const JobOptions& options);

// Prints the model's tasks with their numbers, for --tasks.
absl::Status ListTasks(const JobOptions& options);

// Positions chosen by "all" or "0,2,3-5" among `count`, ascending. Wrong usage otherwise.
absl::StatusOr<std::vector<size_t>> ParseTaskList(const std::string& text, size_t count);

}  // namespace tilewright
