// A compiled task on a device of this machine: for tests and benchmarks. Kernels that are measured
// for records run in processes of their own (worker/), never here.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/kernel.h"
#include "runtime/device/device.h"

namespace tilewright {

// Used by one thread at a time. The device must outlive it.
class DeviceTask {
 public:
  // Loads the code and allocates operands of the types of `args`, then the task's buffers.
  // Unavailable, InvalidArgument or Internal with the device's message.
  static absl::StatusOr<DeviceTask> Load(const CompiledTask& task,
                                         const std::vector<TensorType>& args,
                                         runtime::Device& device);

  // Prepares what depends on the weights only, runs, and gives the last argument. Errors as Load's.
  absl::StatusOr<Tensor> Run(const std::vector<Tensor>& args);

 private:
  struct Call {
    std::unique_ptr<runtime::DeviceKernel> kernel;
    Launch launch;
    std::vector<runtime::DeviceBuffer*> operands;
  };
  void Bind(const std::vector<KernelCall>& calls, std::vector<Call>* bound);

  runtime::Device* device_ = nullptr;
  std::unique_ptr<runtime::DeviceModule> module_;
  std::vector<TensorType> args_;
  std::vector<std::unique_ptr<runtime::DeviceBuffer>> operands_;
  std::vector<Call> calls_;  // preparing ones first
};

}  // namespace tilewright
