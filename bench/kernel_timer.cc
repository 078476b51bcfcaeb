#include "bench/kernel_timer.h"

#include <algorithm>
#include <chrono>

#include "base/rng.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr int64_t kWeightBytes = 64 << 20;

Tensor RandomTensor(const TensorType& type, uint64_t seed) {
  Tensor tensor(type);
  Rng rng(seed);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.as<float>()[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  return tensor;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelTimer>> KernelTimer::Make(const Workload& workload,
                                                               const KernelLibrary& library) {
  TW_ASSIGN_OR_RETURN(HostKernel kernel, HostKernel::Load(library.so, library.symbol));
  std::unique_ptr<KernelTimer> timer(new KernelTimer(std::move(kernel), library.extent));
  uint64_t seed = 1;
  for (const TensorType& type : ArgumentTypes(workload)) {
    timer->args_.push_back(RandomTensor(type, seed++));
  }
  const int64_t bytes = std::max<int64_t>(timer->args_[1].bytes(), 1);
  const int64_t copies = std::clamp<int64_t>(kWeightBytes / bytes, 2, 64);
  for (int64_t i = 0; i < copies; ++i) {
    timer->weights_.push_back(RandomTensor(timer->args_[1].type(), seed));
  }
  return timer;
}

double KernelTimer::Run() {
  std::swap(args_[1], weights_[next_++ % weights_.size()]);
  const auto start = std::chrono::steady_clock::now();
  kernel_.Run(args_, 0, extent_);
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
