// Runs one config somewhere. `done` is called exactly once per Measure, on any thread, also on
// time-out, crash and shutdown.
#pragma once

#include <functional>

#include "compiler/core/outcome.h"
#include "compiler/core/task.h"

namespace tilewright {

// A finished measurement: outcome plus where and how long.
struct Measured {
  Outcome outcome;
  std::string device;  // device name, e.g. "AMD EPYC 9B45"
  std::string worker;
  double build_seconds = 0;
  double run_seconds = 0;    // in the runner, verification included
  double queue_seconds = 0;  // overhead: everything else between propose and result
};

class Measurer {
 public:
  virtual ~Measurer() = default;
  using Done = std::function<void(Measured)>;
  virtual void Measure(const Task& task, const Config& config, Done done) = 0;
  // How many measurements keep every builder and device busy.
  virtual size_t PreferredInFlight() const = 0;
};

}  // namespace tilewright
