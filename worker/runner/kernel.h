// A kernel with its arguments in memory: generates inputs, calls, compares, times.
#pragma once

#include <string>
#include <vector>

#include "runtime/thread_pool.h"
#include "worker/run_spec.h"
#include "worker/runner/guarded_memory.h"
#include "worker/sandbox/system_calls.h"

namespace tilewright {

// Used in this order: made, which is all that needs files and new threads; then, confined, Load,
// PlaceAt, Settle, Prepare and calls; again PlaceAt, Prepare and calls.
class Kernel {
 public:
  // Makes room for the operands, reads the expected output, and opens the library and the file to
  // be written. On failure `error` is the line to be answered, "fault TEXT", and calls are
  // forbidden.
  Kernel(const RunSpec& spec, std::string* error);

  KeptFiles files() const { return {.library = library_file_, .written = reference_file_}; }
  // The library's own code runs for the first time. Empty, or "crash TEXT".
  std::string Load();
  // Moves all threads to the spec's cores.
  void Settle();
  // Every operand touches the guard page at this end, and has what a run begins with.
  void PlaceAt(GuardedMemory::Place place);
  // Whether the places differ for any operand.
  bool moves() const;
  // The calls that depend on the weights only; once after PlaceAt, before the first Call.
  void Prepare() { Run(prepare_); }
  void Call() { Run(calls_); }
  // Wall seconds of one call with the cold arguments out of the caches and all threads awake, as
  // between the layers of a model.
  double TimedCall();
  // Empty: nothing was written beside an operand. Else "crash TEXT".
  std::string Damage() const;
  // Empty: the output agrees with the reference file. Else "wrong_result TEXT", what differs.
  std::string Compare() const;
  // Empty: the output was written to the reference file. Else "fault TEXT".
  std::string WriteReference() const;

 private:
  using Function = void (*)(void* const* args, int64_t begin, int64_t end);

  struct BoundCall {
    Function function;
    const RunCall* call;
    std::vector<void*> args;
  };
  struct Region {
    void* data;
    int64_t bytes;
  };

  // Empty, or "fault TEXT".
  std::string AllocateAll();
  std::string ReadExpected();
  std::string OpenFiles();
  // Empty, or "crash TEXT".
  std::string Bind(const std::vector<RunCall>& calls, std::vector<BoundCall>* bound) const;
  void PointTo(const std::vector<void*>& operands);
  void ChooseCold(const std::vector<void*>& operands);
  // Each call's extent is shared by the threads, as the runtime does it.
  void Run(const std::vector<BoundCall>& calls);
  int64_t BytesOf(size_t operand) const;

  const RunSpec& spec_;
  runtime::ThreadPool pool_;
  int library_file_ = -1, reference_file_ = -1;
  void* library_ = nullptr;
  std::vector<GuardedMemory> memory_;  // of the arguments, then of the buffers
  const void* output_ = nullptr;
  std::vector<char> expected_;  // the output's bytes; empty when the reference is to be written
  std::vector<BoundCall> prepare_, calls_;
  std::vector<Region> cold_;
};

}  // namespace tilewright
