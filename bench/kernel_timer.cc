#include "bench/kernel_timer.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "compiler/core/rng.h"

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
  std::unique_ptr<KernelTimer> timer(new KernelTimer);
  const int fd = memfd_create("kernel", MFD_CLOEXEC);
  if (fd < 0 || write(fd, library.so.data(), library.so.size()) < 0) {
    return absl::InternalError("cannot write the kernel to memory");
  }
  timer->handle_ = dlopen(absl::StrCat("/proc/self/fd/", fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  close(fd);
  if (timer->handle_ == nullptr) return absl::InternalError(dlerror());
  void* symbol = dlsym(timer->handle_, library.symbol.c_str());
  if (symbol == nullptr) return absl::InternalError(dlerror());
  timer->kernel_ = reinterpret_cast<void (*)(void* const*, int64_t, int64_t)>(symbol);
  timer->extent_ = library.extent;
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

KernelTimer::~KernelTimer() {
  if (handle_ != nullptr) dlclose(handle_);
}

double KernelTimer::Run() {
  std::vector<void*> pointers;
  for (Tensor& arg : args_) pointers.push_back(arg.data());
  pointers[1] = weights_[next_++ % weights_.size()].data();
  const auto start = std::chrono::steady_clock::now();
  kernel_(pointers.data(), 0, extent_);
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
