// The last phase of `tune`: what was found is tried inside the network, and what wins there is
// recorded (tuner/loop/in_network.h, records/lookup/decision.h).
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "cli/model/model_options.h"
#include "cli/tuning/tuning_report.h"
#include "proto/tilewright.pb.h"
#include "records/store/record_store.h"
#include "worker/process/interrupt.h"
#include "worker/process/network_runner.h"

namespace tilewright {

struct LastPhase {
  ModelOptions model;
  v1::JobSpec spec;
  std::string job;      // id
  std::string device;   // what the kernels run on, as records name it
  RecordStore& store;   // read, and written with the decisions
  double deadline = 0;  // of the system clock's Now()
  int threads = 1;
  std::stop_token stop;
};

// Compiles the network with the default, with what look-ups give now and with the best other
// configs of each layer of the job; runs them in a process of its own; appends a decision for every
// layer with a choice, the default included. nullopt: no layer has a choice. Of several bindings of
// the model each is a network of its own, with its share of the time; told is their sum, and of a
// layer of several what the last one decides is found. Nothing is recorded of a network unless it
// comes to its end: DeadlineExceeded, Cancelled, and Unavailable when a kernel took the process
// down. `runner` is asked nothing after an error.
absl::StatusOr<std::optional<InNetwork>> RunLastPhase(const LastPhase& phase,
                                                      NetworkRunner& runner);

}  // namespace tilewright
