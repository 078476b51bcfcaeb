// Runs one config somewhere. `done` is called exactly once per Measure, on any thread, also on
// time-out, crash and shutdown.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "compiler/core/outcome.h"
#include "compiler/core/task.h"

namespace tilewright {

// A finished measurement: outcome plus where and how long.
struct Measured {
  Outcome outcome;
  std::string device;   // device name, e.g. "AMD EPYC 9B45"
  std::string worker;   // empty: the outcome is the farm's own word and is in no records
  std::string builder;  // where another worker built it
  double build_seconds = 0;
  double run_seconds = 0;    // in the runner, verification included
  double queue_seconds = 0;  // overhead: everything else between propose and result
  // Not empty: the farm could not measure it, for this reason; the outcome says nothing.
  std::string fault;
  // It was never measured, because nobody wants it any more; the outcome says nothing.
  bool dropped = false;
  // Of a whole network (tuner/server/dispatch/trial.h): what its worker told, serialised; the
  // outcome then says nothing.
  std::string network;
};

// A config to be measured; what it refers to need not outlive the call.
struct MeasureRequest {
  const Task& task;
  const Config& config;
  uint64_t index = 0;   // of the config in its task's space
  uint64_t number = 0;  // of the trial in its job, from 1 in order of their starts
};

class Measurer {
 public:
  virtual ~Measurer() = default;
  using Done = std::function<void(Measured)>;
  virtual void Measure(const MeasureRequest& request, Done done) = 0;
  // How many measurements keep every builder and device busy.
  virtual size_t PreferredInFlight() const = 0;
  // What has not started yet is done as dropped.
  virtual void DropWaiting() {}
};

}  // namespace tilewright
