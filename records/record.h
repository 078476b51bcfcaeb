// A trial with where, when, by whom and under which versions it was measured.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "compiler/core/outcome.h"
#include "compiler/core/task.h"

namespace tilewright {

// Class of a decision (records/lookup/decision.h): its samples are the layer's times inside a
// network.
inline constexpr char kInNetworkClass[] = "in_network";

// Class of what a worker without a device made up: no fact about any device.
inline constexpr char kSimulatedClass[] = "simulated";

struct Record {
  Task task;
  Config config;
  uint64_t index = 0;  // in the space of `software`; the entity is the identity
  Outcome outcome;
  std::string device_key;  // "xeon", "h200", "local"
  std::string device;      // model name of the device
  std::string worker;
  std::string builder;  // where another worker built it; "" = `worker` did
  std::string job;      // id of the job; "" when imported
  uint64_t trial = 0;   // number in the job, from 1; 0 = none (logs do not carry it)
  uint64_t seed = 0;
  int threads = 1;  // that the kernel was timed with
  double build_seconds = 0;
  double run_seconds = 0;
  double unix_time = 0;  // end of the trial
  std::string software;  // "tilewright 0.1.0" or "tvm 0.7.dev1"
  // ok, late, suspect, imported, in_network or simulated.
  std::string record_class = "ok";
  std::string run_id;  // unique per measurement; Append is idempotent on it

  // Only for a record of another system's template (then workload.op is the template's name and
  // the workload's other fields are empty): its arguments as JSON, and the AutoTVM 0.2 line it
  // came as, which an export writes back unchanged.
  std::string foreign_args;
  std::string foreign_line;

  friend bool operator==(const Record&, const Record&) = default;
};

// The workload's Key(); for a foreign template its name and arguments.
std::string WorkloadKey(const Record& record);

// The same without the epilogue: equal for workloads that differ only in what is fused.
std::string AnchorKey(const Record& record);
std::string AnchorKey(Workload workload);

// Timed, and of a class that may be a best record: ok, late or imported.
bool IsUsable(const Record& record);

// InvalidArgument unless the record may be stored: a run_id, samples above 0 and
// times, both up to 1e12 s, at least one thread, texts within their limits (1 KiB names, 64 KiB
// messages, 1 MiB lines).
absl::Status CheckRecord(const Record& record);

}  // namespace tilewright
