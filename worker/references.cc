#include "worker/references.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "worker/run_kernel.h"

namespace tilewright {
namespace {

// Disk for kept outputs.
constexpr int64_t kBudgetBytes = int64_t{1} << 30;
// The plain definition runs at some hundred MFLOP/s.
constexpr double kBuildSeconds = 60, kRunSeconds = 300;

int64_t OutputBytes(const Workload& workload) { return BytesOf(RunArguments(workload).back()); }

}  // namespace

ReferenceFile::~ReferenceFile() { unlink(path_.c_str()); }

ReferenceFuture References::Get(const Task& task, uint64_t seed, Builder& builder) {
  const std::string key = absl::StrCat(seed, "|", task.workload.Key());
  std::promise<ReferenceResult> promise;
  const ReferenceFuture future = promise.get_future().share();
  {
    std::lock_guard lock(mutex_);
    if (const auto it = by_key_.find(key); it != by_key_.end()) {
      entries_.splice(entries_.end(), entries_, it->second);
      return it->second->future;
    }
    const int64_t bytes = OutputBytes(task.workload);
    entries_.push_back({key, future, bytes});
    by_key_[key] = std::prev(entries_.end());
    bytes_ += bytes;
    Trim();
  }
  promise.set_value(Compute(task, seed, builder));
  return future;
}

// Drops the oldest, never the newest: users of a file hold it.
void References::Trim() {
  while (bytes_ > kBudgetBytes && entries_.size() > 1) {
    bytes_ -= entries_.front().bytes;
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
  }
}

ReferenceResult References::Compute(const Task& task, uint64_t seed, Builder& builder) {
  std::string stem;
  {
    std::lock_guard lock(mutex_);
    stem = absl::StrCat(folder_, "/reference-", next_++);
  }
  const BuildResult built = builder.BuildReference(task, stem + ".so", kBuildSeconds);
  if (const auto* failure = std::get_if<Failure>(&built)) {
    return absl::InternalError(absl::StrCat("cannot build the reference: ", failure->message));
  }
  const auto& kernel = std::get<BuiltKernel>(built);
  auto file = std::make_shared<const ReferenceFile>(stem + ".bin");
  RunSpec spec = SpecOf(kernel, RunArguments(task.workload));
  spec.seed = seed;
  spec.reference = file->path();
  spec.write_reference = true;
  spec.cpu_seconds = kRunSeconds;
  spec.file_bytes = BytesOf(spec.arguments.back());
  spec.cores = cores_;
  const Outcome outcome = RunKernel(runner_, spec, kRunSeconds);
  unlink(kernel.library.c_str());
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    return absl::InternalError(absl::StrCat("cannot run the reference: ", failure->message));
  }
  return file;
}

}  // namespace tilewright
