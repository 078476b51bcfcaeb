// A compiled library loaded into this process: for folding constants and for tests. Kernels that
// are measured run in processes of their own (worker/), never here.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/targets/support/memory_file.h"

namespace tilewright {

class HostKernel {
 public:
  // Loads `so` (TargetBackend::CompileLibrary for this machine) and finds `symbol`. Internal with
  // the loader's message when that fails.
  static absl::StatusOr<HostKernel> Load(const std::string& so, const std::string& symbol);

  // Iterations [begin, end) of the parallel loop. REQUIRES: args match the program's parameters.
  void Run(std::span<Tensor> args, int64_t begin, int64_t end) const;

 private:
  using Function = void (*)(void* const* args, int64_t begin, int64_t end);
  struct Unload {
    void operator()(void* library) const;
  };
  // Outlives the library: dlopen takes a path that it has open for the library it has.
  std::unique_ptr<MemoryFile> file_ = std::make_unique<MemoryFile>();
  std::unique_ptr<void, Unload> library_;
  Function function_ = nullptr;
};

}  // namespace tilewright
