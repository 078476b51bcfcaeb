// What a worker is given and what it answers.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "proto/measure_options.h"
#include "proto/network.pb.h"
#include "worker/pipeline/module.h"

namespace tilewright {

// Numbers begin anew with each start of the server; the epoch tells its lives apart.
struct AttemptId {
  uint64_t server_epoch = 0;
  uint64_t number = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

struct WorkerTrial {
  std::string session;  // that leased it
  AttemptId attempt;
  uint64_t fence = 0;
  Task task;
  Config config;
  MeasureOptions options;
  std::string module_sha256;  // of what another worker built of it; empty: to be built
  // A whole network to be timed, instead of task and config; null: a kernel.
  std::shared_ptr<const v1::NetworkRound> network;
};

struct WorkerResult {
  // An error is this worker's own failure: it says nothing about the config.
  absl::StatusOr<Outcome> outcome;
  bool of_builder = false;                  // the error is that of the worker that built the module
  std::optional<TrialModule> module;        // of a worker that only builds: instead of an outcome
  std::optional<v1::NetworkTimes> network;  // of a whole network: instead of an outcome
  double build_seconds = 0;                 // in the builder, of this candidate
  double run_seconds = 0;                   // in which it had the slot
  double worker_seconds = 0;                // from Add to the end of the run
};

}  // namespace tilewright
