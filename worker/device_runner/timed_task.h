// A task's kernels on a device with their arguments: generates inputs, runs, checks, times.
//
// What the spec calls cold (weights; all operands where a job asks for it) has left the device's
// cache when a timed run reads it: runs take turns with copies, together twice as large as the
// cache (CUTLASS's profiler and flashinfer do the same). Where the device does not say how large
// that is, and of operands too small for kMostSets copies to fill it, it is hot.
#pragma once

#include <array>
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
  // The device while it runs what was last timed. REQUIRES: Time.
  runtime::DeviceCondition ConditionWhileBusy();

 private:
  using OperandSet = std::vector<runtime::DeviceBuffer*>;  // by the operands' numbers
  struct Call {
    std::unique_ptr<runtime::DeviceKernel> kernel;
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
  void Start(const Call& call, const OperandSet& operands, const std::array<int64_t, 3>& grid);
  void Run(const std::vector<Call>& calls, const OperandSet& operands);
  std::vector<size_t> ColdOperands() const;
  void MakeSets();
  void RecordRuns(int times);

  const RunSpec& spec_;
  runtime::Device& device_;
  std::vector<Operand> operands_;  // arguments, then buffers
  std::vector<char> output_;       // what Check begins with
  std::vector<char> got_, expected_;
  std::unique_ptr<runtime::DeviceModule> module_;
  std::vector<Call> calls_;
  std::vector<OperandSet> sets_;  // the first is what is checked
  std::vector<std::unique_ptr<runtime::DeviceBuffer>> copies_;
  // So many runs each, of all sets in turn.
  std::vector<std::unique_ptr<runtime::DeviceReplay>> recorded_;
  size_t next_recorded_ = 0;
  int recorded_times_ = 0;
};

}  // namespace tilewright
