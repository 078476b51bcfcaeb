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

  void Run(double* seconds = nullptr, size_t capacity = 0) override;

 private:
  // The calling convention of generated kernels (compiler/targets/target_backend.h).
  using Kernel = void (*)(void* const* args, int64_t begin, int64_t end);
  struct Call {
    Kernel kernel;
    std::vector<void*> args;
    int64_t extent;
  };

  std::vector<char*> PlaceTensors();
  void BindCalls(const std::vector<char*>& places);
  void RunCall(const Call& call);

  SharedObject kernels_;
  Arena arena_;  // the plan's arena, then inputs and outputs
  std::vector<Call> calls_;
  ThreadPool pool_;
};

}  // namespace tilewright::runtime
