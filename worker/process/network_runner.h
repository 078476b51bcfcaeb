// Runs whole packages in a process that kernels may take down (worker/network/main.cc). Used by one
// thread at a time.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/process/child.h"
#include "worker/process/interrupt.h"
#include "worker/process/pipe_io.h"

namespace tilewright {

struct NetworkRunnerSetup {
  std::string program;  // the runner's path
  int threads = 1;      // of a CPU
  std::string device;   // "opencl:0"; empty: the CPU
};

class NetworkRunner {
 public:
  // What the machine can do, of one thread (worker/machine/peaks.h): floating point operations and
  // bytes read a second; 0 = unknown, as of devices.
  struct Limits {
    double flops = 0, bytes = 0;
  };
  // Wall seconds of a whole run and of each call of the plan.
  struct Run {
    double seconds = 0;
    std::vector<double> calls;
  };

  // Every answer must come before `deadline`; `interrupt`, which may be null and otherwise outlives
  // this, ends the waiting. Unavailable: it does not start.
  static absl::StatusOr<NetworkRunner> Start(const NetworkRunnerSetup& setup, Deadline deadline,
                                             const Interrupt* interrupt);

  // Errors of all: Unavailable, the process ended (by a kernel's crash, ...); DeadlineExceeded;
  // Cancelled; Internal with the runner's word. After an error nothing else may be asked.

  // The number of the package.
  absl::StatusOr<int> Load(const std::string& path);
  absl::StatusOr<Run> RunOnce(int package);
  // Where so many bytes are read again and again.
  absl::StatusOr<Limits> MeasureLimits(int64_t bytes);

 private:
  NetworkRunner(Child child, Deadline deadline, const Interrupt* interrupt)
      : child_(std::move(child)), deadline_(deadline), interrupt_(interrupt) {}

  // The numbers after "ok".
  absl::StatusOr<std::vector<double>> Ask(const std::string& request);

  Child child_;
  Deadline deadline_;
  const Interrupt* interrupt_;
  int loaded_ = 0;
};

}  // namespace tilewright
