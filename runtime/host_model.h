// A package for CPUs: kernels of a shared library, run by threads over one arena.
#pragma once

#include <vector>

#include "runtime/arena.h"
#include "runtime/model.h"
#include "runtime/shared_object.h"
#include "runtime/thread_pool.h"

namespace tilewright::runtime {

class HostModel final : public Model {
 public:
  // Throws Error: BAD_PACKAGE when the library does not load or lacks a kernel.
  HostModel(MappedFile file, Package package, const ModelOptions& options);

 protected:
  void Execute(double* seconds, size_t capacity) override;

 private:
  // The calling convention of generated kernels (compiler/targets/target_backend.h).
  using Kernel = void (*)(void* const* args, int64_t begin, int64_t end);
  struct Call {
    Kernel kernel;
    std::vector<void*> args;
    int64_t extent;
  };

  std::vector<char*> PlaceTensors(const ExecutionPlan& plan);
  std::vector<Call> BindCalls(const ExecutionPlan& plan);
  void RunCall(const Call& call);

  SharedObject kernels_;
  Arena arena_;  // of all plans alike: intermediate values, then inputs and outputs
  std::vector<std::vector<Call>> calls_;  // of each plan
  ThreadPool pool_;
};

}  // namespace tilewright::runtime
