// A loaded package, ready to run: what the C header's tw_model is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/arena.h"
#include "runtime/mapped_file.h"
#include "runtime/read_package.h"
#include "runtime/shared_object.h"
#include "runtime/thread_pool.h"

namespace tilewright::runtime {

struct ModelOptions {
  int threads = 1;    // >= 1
  bool bind = false;  // see ThreadPool
};

// Used by one thread at a time. Owns everything its views point to.
class Model {
 public:
  // Throws Error, see ReadPackage.
  Model(const std::string& path, const ModelOptions& options);

  // An input or output and its buffer.
  struct End {
    const PlanTensor* tensor;
    char* data;
    size_t bytes;
  };
  const std::vector<End>& inputs() const { return inputs_; }
  const std::vector<End>& outputs() const { return outputs_; }
  const ExecutionPlan& plan() const { return package_.plan; }
  size_t weight_bytes() const { return package_.params.size(); }

  // Executes the plan's calls in order. `seconds`, when given, receives the wall time of each of
  // the first `capacity` calls.
  void Run(double* seconds = nullptr, size_t capacity = 0);

 private:
  // The calling convention of generated kernels (compiler/targets/target_backend.h).
  using Kernel = void (*)(void* const* args, int64_t begin, int64_t end);
  struct Call {
    Kernel kernel;
    std::vector<void*> args;
    int64_t extent;
  };

  void PlaceTensors();
  void BindCalls();
  void RunCall(const Call& call);

  MappedFile file_;
  Package package_;
  SharedObject kernels_;
  Arena arena_;                // the plan's arena, then inputs and outputs
  std::vector<char*> places_;  // of each tensor
  std::vector<End> inputs_, outputs_;
  std::vector<Call> calls_;
  ThreadPool pool_;
};

}  // namespace tilewright::runtime
