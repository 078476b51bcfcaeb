// A task's kernels on a device with their arguments: generates inputs, runs, checks, times.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "worker/run_spec.h"

namespace tilewright {

// Throws runtime::Error as the device does. The spec and the device must outlive it.
class TimedTask {
 public:
  // Allocates and fills the operands.
  TimedTask(const RunSpec& spec, runtime::Device& device);

  // Takes the module's code (BAD_PACKAGE: the driver refuses it) and runs what depends on the
  // weights only. Once, before all that follows.
  void Load(const std::string& code);

  // Runs once, from an output that is no result. Empty: it agrees with the reference. Else
  // "wrong_result TEXT", "crash TEXT": something was written outside the operands, or "fault TEXT":
  // there is no reference.
  std::string Check();
  // Runs one block of each kernel: drivers compile a kernel when it is first started.
  void StartEach();
  // Wall seconds of one run: the mean of `times` that follow each other as fast as the device
  // starts them. REQUIRES: Check has run.
  double Time(int times);

 private:
  struct Call {
    std::unique_ptr<runtime::DeviceKernel> kernel;
    std::vector<runtime::DeviceBuffer*> operands;
    const RunCall* planned;
  };
  // Between two zones that no kernel may write.
  struct Operand {
    std::unique_ptr<runtime::DeviceBuffer> whole, inside, end;
    size_t bytes;
  };
  void AddOperand(size_t bytes);
  std::string WhatWasWrittenOutside();
  std::vector<Call> Bind(const std::vector<RunCall>& calls);
  void Run(const std::vector<Call>& calls);

  const RunSpec& spec_;
  runtime::Device& device_;
  std::vector<Operand> operands_;  // arguments, then buffers
  std::vector<char> output_;       // what Check begins with
  std::vector<char> got_, expected_;
  std::unique_ptr<runtime::DeviceModule> module_;
  std::vector<Call> calls_;
  std::unique_ptr<runtime::DeviceReplay> recorded_;  // of so many runs:
  int recorded_times_ = 0;
};

}  // namespace tilewright
