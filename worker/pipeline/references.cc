#include "worker/pipeline/references.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/operators/workload_rules.h"
#include "worker/process/run_kernel.h"

namespace tilewright {
namespace {

// Disk for kept outputs.
constexpr int64_t kBudgetBytes = int64_t{1} << 30;
constexpr double kReferenceSeconds = 60;
// The plain definition runs at some hundred MFLOP/s; a slow board at a tenth of that.
constexpr double kLeastRunSeconds = 300, kMostRunSeconds = 7200, kSlowestFlops = 2e7;

double RunSeconds(const Workload& workload) {
  return std::clamp(Flops(workload) / kSlowestFlops, kLeastRunSeconds, kMostRunSeconds);
}

int64_t OutputBytes(const Workload& workload) { return BytesOf(RunArguments(workload).back()); }

}  // namespace

ReferenceFuture References::Get(const Task& task, uint64_t seed, Builder& builder) {
  return Get(task, seed, [&](const std::string& path) {
    Task here = task;
    if (IsGpu(task.target)) here.target = Target{};
    return builder.BuildReference(here, path, kReferenceSeconds);
  });
}

ReferenceFuture References::Get(const Task& task, uint64_t seed, const BuildReference& build) {
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
  ReferenceResult result = Compute(task, seed, build);
  if (!result.ok()) Forget(key);
  promise.set_value(std::move(result));
  return future;
}

void References::Forget(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  bytes_ -= it->second->bytes;
  entries_.erase(it->second);
  by_key_.erase(it);
}

// Drops the oldest, never the newest: users of a file hold it.
void References::Trim() {
  while (bytes_ > kBudgetBytes && entries_.size() > 1) {
    bytes_ -= entries_.front().bytes;
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
  }
}

ReferenceResult References::Compute(const Task& task, uint64_t seed, const BuildReference& build) {
  std::string stem;
  {
    std::lock_guard lock(mutex_);
    stem = absl::StrCat(folder_, "/reference-", next_++);
  }
  const RemovedFile library(stem + ".so");
  const absl::StatusOr<BuildResult> built = build(library.path());
  if (!built.ok()) return built.status();
  if (const auto* failure = std::get_if<Failure>(&*built)) {
    return absl::UnavailableError(absl::StrCat("cannot build the reference of ",
                                               task.workload.Key(), ": ", failure->message));
  }
  auto file = std::make_shared<const RemovedFile>(stem + ".bin");
  const double limit = RunSeconds(task.workload);
  RunSpec spec = SpecOf(std::get<BuiltKernel>(*built), RunArguments(task.workload));
  spec.seed = seed;
  spec.reference = file->path();
  spec.write_reference = true;
  spec.cpu_seconds = limit;
  spec.file_bytes = BytesOf(spec.arguments.back());
  spec.cores = cores_;
  // Beside a device's runs all cores may be busy; beside a core's they would disturb it.
  if (IsGpu(task.target)) spec.threads = std::max(1, static_cast<int>(cores_.size()));
  const absl::StatusOr<Outcome> outcome = RunKernel(runner_, spec, limit, interrupt_);
  if (!outcome.ok()) return outcome.status();
  if (const auto* failure = std::get_if<Failure>(&*outcome)) {
    return absl::UnavailableError(
        absl::StrCat("cannot run the reference of ", task.workload.Key(), ": ", failure->message));
  }
  return file;
}

}  // namespace tilewright
