#include "bench/kernel_timer.h"

#include <algorithm>
#include <chrono>

#include "base/rng.h"
#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

constexpr int64_t kWeightBytes = 64 << 20;

Tensor RandomTensor(const TensorType& type, uint64_t seed) {
  Tensor tensor(type);
  Rng rng(seed);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.Set(i, IsFloat(type.dtype) ? rng.Uniform(-1, 1) : static_cast<double>(rng.Below(100)));
  }
  return tensor;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelTimer>> KernelTimer::Make(const Workload& workload,
                                                               const CompiledTask& task) {
  auto timer = std::make_unique<KernelTimer>();
  std::vector<Tensor> args;
  uint64_t seed = 1;
  for (const TensorType& type : ArgumentTypes(workload)) args.push_back(RandomTensor(type, seed++));
  const int64_t bytes = std::max<int64_t>(args[1].bytes(), 1);
  const int64_t copies = std::clamp<int64_t>(kWeightBytes / bytes, 2, 64);
  for (int64_t i = 0; i < copies; ++i) {
    args[1] = RandomTensor(args[1].type(), seed);
    TW_ASSIGN_OR_RETURN(HostTask host, HostTask::Load(task));
    host.Prepare(args);
    timer->copies_.push_back({std::move(host), args});
  }
  return timer;
}

double KernelTimer::Run() {
  Weights& weights = copies_[next_++ % copies_.size()];
  const auto start = std::chrono::steady_clock::now();
  weights.task.Run(weights.args);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double KernelTimer::MedianSeconds(double budget) {
  Run();
  std::vector<double> samples;
  for (double spent = 0; samples.size() < 5 || spent < budget; spent += samples.back()) {
    samples.push_back(Run());
  }
  std::nth_element(samples.begin(), samples.begin() + samples.size() / 2, samples.end());
  return samples[samples.size() / 2];
}

}  // namespace tilewright
