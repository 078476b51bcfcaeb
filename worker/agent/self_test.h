// Shows that this machine can build, write, run and compute, and how fast each slot is.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/agent/canary.h"
#include "worker/machine/core_plan.h"
#include "worker/process/interrupt.h"

namespace tilewright {

struct SelfTestSetup {
  std::string runner, builder;  // paths of the executables
  std::string prebuilt;         // as CanarySetup's
  std::string folder;           // private; exists
  CorePlan cores;
  DeviceRunner* device = nullptr;  // null: the CPU
  bool require_sandbox = false;    // fail where a kernel cannot be confined
};

struct SelfTestResult {
  std::string target;                // resolved: the host as the builder sees it, or the device's
  std::vector<double> slot_seconds;  // of the test kernel, by slot
  std::string lacking;               // of the sandbox, as RunKernel says it
};

CanarySetup CanaryOf(const SelfTestSetup& setup, const Interrupt* interrupt);

// Builds a kernel with a known answer and runs it on each slot. Unavailable: the reason, for
// people. Cancelled: `interrupt`, which may be null, was raised.
absl::StatusOr<SelfTestResult> RunSelfTest(const SelfTestSetup& setup, const Interrupt* interrupt);

}  // namespace tilewright
