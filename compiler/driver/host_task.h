// A compiled task in this process: for constants, benchmarks and tests. Kernels that are measured
// for records run in processes of their own (worker/), never here.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/kernel.h"
#include "compiler/targets/support/host_kernel.h"

namespace tilewright {

// Not thread-safe: it owns the task's buffers.
class HostTask {
 public:
  // Loads every call's kernel and allocates the buffers. Internal with the loader's message.
  static absl::StatusOr<HostTask> Load(const CompiledTask& task);

  // Prepares what depends on the weights only. REQUIRES: args are the task's arguments; of them
  // only the weights are read.
  void Prepare(const std::vector<Tensor>& args);
  // Writes the last argument. REQUIRES: prepared with these weights.
  void Run(const std::vector<Tensor>& args);

  // Buffer i; holds prepared weights once they are.
  const Tensor& buffer(size_t i) const { return buffers_[i]; }

 private:
  struct Call {
    HostKernel kernel;
    int64_t extent;
    std::vector<int> operands;
  };
  static absl::StatusOr<std::vector<Call>> LoadCalls(const CompiledTask& task,
                                                     const std::vector<KernelCall>& calls);
  void RunCalls(const std::vector<Call>& calls, const std::vector<Tensor>& args);

  std::vector<Call> prepare_, calls_;
  std::vector<Tensor> buffers_;
};

}  // namespace tilewright
