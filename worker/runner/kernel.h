// A kernel with its arguments in memory: generates inputs, calls, compares, times.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/thread_pool.h"
#include "worker/run_spec.h"

namespace tilewright {

class Kernel {
 public:
  // Loads the library, generates the inputs and reads the expected output. On failure `error` is
  // the line to be answered, "fault TEXT" or "crash TEXT", and calls are forbidden.
  Kernel(const RunSpec& spec, std::string* error);

  // The calls that depend on the weights only; once, before the first Call.
  void Prepare() { Run(prepare_); }
  void Call() { Run(calls_); }
  // Wall seconds of one call with the cold arguments out of the caches and all threads awake, as
  // between the layers of a model.
  double TimedCall();
  // Empty: the output agrees with the reference file. Else "wrong_result TEXT", what differs.
  std::string Compare() const;
  // Empty: the output was written to the reference file. Else "fault TEXT".
  std::string WriteReference() const;

 private:
  using Function = void (*)(void* const* args, int64_t begin, int64_t end);
  struct Free {
    void operator()(void* p) const;
  };

  struct BoundCall {
    Function function;
    int64_t extent;
    std::vector<void*> args;
  };
  struct Region {
    void* data;
    int64_t bytes;
  };

  // Appends `bytes` of memory to the operands; false: there is not enough.
  bool Allocate(int64_t bytes);
  // Empty, or "fault TEXT".
  std::string AllocateAll();
  std::string ReadExpected();
  void FillArguments();
  // Empty, or "crash TEXT".
  std::string Bind(const std::vector<RunCall>& calls, std::vector<BoundCall>* bound) const;
  void ChooseCold();
  // Each call's extent is shared by the threads, as the runtime does it.
  void Run(const std::vector<BoundCall>& calls);
  int64_t BytesOf(size_t argument) const;

  const RunSpec& spec_;
  runtime::ThreadPool pool_;
  void* library_ = nullptr;
  std::vector<std::unique_ptr<void, Free>> memory_;
  std::vector<void*> operands_;  // arguments, then buffers
  std::vector<int64_t> sizes_;   // elements of the arguments
  std::vector<char> expected_;   // the output's bytes; empty when the reference is to be written
  std::vector<BoundCall> prepare_, calls_;
  std::vector<Region> cold_;
};

}  // namespace tilewright
