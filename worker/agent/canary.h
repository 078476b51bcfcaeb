// A small kernel whose answer is known without a compiler: shows that this machine can build, write
// and run, and how fast it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/pipeline/removed_file.h"
#include "worker/process/builder.h"
#include "worker/process/device_runner.h"

namespace tilewright {

struct CanarySetup {
  std::string runner, builder;           // paths of the executables
  std::string prebuilt;                  // the kernel's library; for machines without a builder
  DeviceRunner* device = nullptr;        // null: the CPU; outlives the canary
  std::string folder;                    // private; exists
  std::vector<int> builder_cores;        // empty: any
  const Interrupt* interrupt = nullptr;  // outlives the canary
  bool require_sandbox = false;          // as RunSpec's
};

// Immutable once made; Run may be called by several threads.
class Canary {
 public:
  // Starts a builder, builds the kernel and writes the expected output; with an empty path of a
  // builder takes what came with the program. The error says what this machine cannot do.
  static absl::StatusOr<std::unique_ptr<Canary>> Make(const CanarySetup& setup);

  // Runs the kernel, confined as candidates are, with one thread on each of these cores, or on the
  // device. Median seconds of a call; the error says what is wrong: Unavailable when it could not
  // be run, DataLoss when its answer is wrong or it crashed, which a sound machine's does not.
  // `lacking`, which may be null, receives what the machine lacks to confine it, "" = nothing.
  absl::StatusOr<double> Run(const std::vector<int>& cores, std::string* lacking = nullptr) const;

  // The host as a resolved target, as the builder sees it; empty without one.
  const std::string& host_target() const { return host_target_; }

 private:
  explicit Canary(CanarySetup setup);
  absl::Status Build();
  absl::Status WriteExpected() const;
  absl::StatusOr<Outcome> RunOnce(const RunSpec& spec, std::string* lacking) const;

  const CanarySetup setup_;
  const std::string stem_;
  const RemovedFile library_, expected_;
  std::string host_target_;
  BuiltKernel kernel_;
};

}  // namespace tilewright
