// Times one compiled kernel in this process (benchmarks only; the farm confines kernels).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/workload.h"
#include "compiler/driver/compile_task.h"

namespace tilewright {

class KernelTimer {
 public:
  // Allocates seeded arguments; weights in as many copies as fill 64 MiB, used in turn, so that
  // they are not hot in the inner caches, as in a network.
  static absl::StatusOr<std::unique_ptr<KernelTimer>> Make(const Workload& workload,
                                                           const KernelLibrary& library);
  ~KernelTimer();
  KernelTimer(const KernelTimer&) = delete;
  KernelTimer& operator=(const KernelTimer&) = delete;

  // Seconds of one call, on this thread.
  double Run();
  // Median of calls for about `budget` seconds, at least 5.
  double MedianSeconds(double budget);

 private:
  KernelTimer() = default;
  void* handle_ = nullptr;
  void (*kernel_)(void* const*, int64_t, int64_t) = nullptr;
  int64_t extent_ = 1;
  std::vector<Tensor> args_;
  std::vector<Tensor> weights_;
  size_t next_ = 0;
};

}  // namespace tilewright
