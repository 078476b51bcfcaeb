// Times one compiled kernel in this process (benchmarks only; the farm confines kernels).
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/workload.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/host_task.h"

namespace tilewright {

class KernelTimer {
 public:
  // Allocates seeded arguments; weights in as many copies as fill 64 MiB, used in turn, so that
  // they are not hot in the inner caches, as in a network.
  static absl::StatusOr<std::unique_ptr<KernelTimer>> Make(const Workload& workload,
                                                           const CompiledTask& task);
  // Seconds of one call, on this thread.
  double Run();
  // Median of calls for about `budget` seconds, at least 5.
  double MedianSeconds(double budget);

 private:
  // One set of weights, with what is prepared from them.
  struct Weights {
    HostTask task;
    std::vector<Tensor> args;
  };

  std::vector<Weights> copies_;
  size_t next_ = 0;
};

}  // namespace tilewright
