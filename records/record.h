// A trial with where, when, by whom and under which versions it was measured.
#pragma once

#include <string>

#include "compiler/core/outcome.h"
#include "compiler/core/task.h"

namespace tilewright {

struct Record {
  Task task;
  Config config;
  uint64_t index = 0;        // in the space of `software`; the entity is the identity
  Outcome outcome;
  std::string device_key;    // "xeon", "h200", "local"
  std::string device;        // model name of the device
  std::string worker;
  std::string job;           // id of the job; "" when imported
  uint64_t seed = 0;
  double build_seconds = 0;
  double run_seconds = 0;
  double unix_time = 0;      // end of the trial
  std::string software;      // "tilewright 0.1.0" or "tvm 0.7.dev1"
  std::string record_class = "ok";  // ok, late, suspect, contended, imported
  std::string run_id;        // unique per measurement; Append is idempotent on it
};

}  // namespace tilewright
