// A device other than the CPU, in a process that is kept: opening one costs more than a trial.
// After a candidate that crashed, hung or left the device in doubt the next one gets a new process,
// started at once: a device that cannot be opened then is the machine's fault, not the candidate's.
// One candidate at a time, the others wait; thread-safe. Drivers that compile do so in processes of
// their own, ahead of the one that runs (StartCompiler).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "worker/process/child.h"
#include "worker/process/interrupt.h"
#include "worker/run_spec.h"

namespace tilewright {

struct DeviceRunnerSetup {
  std::string path;        // of tilewright-device-runner
  std::string device;      // "opencl:0"
  std::vector<int> cores;  // empty: any
  std::string folder;      // the only one it may write to; empty: any
  bool require_sandbox = false;
};

// What the device says of itself.
struct DeviceFacts {
  std::string name, driver;
  std::string arch;     // "sm_90"; empty for OpenCL
  std::string lacking;  // what of the sandbox the machine does not give
};

class DeviceRunner {
 public:
  // Opens the device. Unavailable with the reason when it or its driver is missing, or when the
  // process cannot be confined although it must be.
  static absl::StatusOr<std::unique_ptr<DeviceRunner>> Start(DeviceRunnerSetup setup);

  const DeviceFacts& facts() const { return facts_; }  // at the start
  // The target that trials for this device have: "opencl", "cuda -arch=sm_90".
  std::string target() const;

  // As RunKernel: outcomes of the candidate, Unavailable when the device or this machine is to
  // blame, Cancelled when interrupted.
  absl::StatusOr<Outcome> Run(const RunSpec& spec, double limit_seconds,
                              const Interrupt* interrupt = nullptr);

  // Whether the device's driver compiles the code: OpenCL's do.
  bool compiles() const;

  // Has the driver compile the spec's kernels, so that Run of a process with the same folder finds
  // them compiled: nullopt, or how the candidate failed. For a process of its own, beside the one
  // that runs (StartCompiler). Errors as Run's.
  absl::StatusOr<std::optional<Failure>> Compile(const RunSpec& spec, double limit_seconds,
                                                 const Interrupt* interrupt = nullptr);

  // Another process of the device, to compile in on these cores while this one runs kernels.
  absl::StatusOr<std::unique_ptr<DeviceRunner>> StartCompiler(std::vector<int> cores) const;

 private:
  explicit DeviceRunner(DeviceRunnerSetup setup) : setup_(std::move(setup)) {}
  absl::Status EnsureStarted(const Interrupt* interrupt);
  absl::StatusOr<Outcome> RunLocked(const RunSpec& spec, bool ahead, double limit_seconds,
                                    const Interrupt* interrupt);
  absl::StatusOr<Outcome> Ask(const RunSpec& spec, bool ahead, double limit_seconds,
                              const Interrupt* interrupt);

  const DeviceRunnerSetup setup_;
  DeviceFacts facts_;
  std::mutex mutex_;
  std::optional<Child> child_;
};

}  // namespace tilewright
