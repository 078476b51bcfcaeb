#include "worker/pipeline.h"

#include <unistd.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "worker/run_kernel.h"

namespace tilewright {
namespace {

// Beyond one trial for each builder and slot: covers the way to the server and back.
constexpr size_t kAhead = 2;
// Largest file a candidate may write.
constexpr int64_t kFileBytes = 1 << 20;

using Time = std::chrono::steady_clock::time_point;

Time Now() { return std::chrono::steady_clock::now(); }
double SecondsSince(Time start) { return std::chrono::duration<double>(Now() - start).count(); }

}  // namespace

struct Pipeline::Job {
  WorkerTrial trial;
  Time added;
  BuiltKernel kernel;
  ReferenceFuture reference;
  WorkerResult result;

  ~Job() {
    if (!kernel.library.empty()) unlink(kernel.library.c_str());
  }
};

Pipeline::Pipeline(PipelineSetup setup, Finished finished)
    : setup_(std::move(setup)),
      finished_(std::move(finished)),
      capacity_(setup_.builders + setup_.cores.slots.size() + kAhead),
      references_(setup_.folder, setup_.runner, setup_.cores.others) {
  for (int b = 0; b < setup_.builders; ++b) builders_.emplace_back([this] { BuildLoop(); });
  for (const std::vector<int>& cores : setup_.cores.slots) {
    slots_.emplace_back([this, &cores] { RunLoop(cores); });
  }
}

Pipeline::~Pipeline() {
  DropAll();
  StopWaiting();
  to_build_.Close();
  for (std::thread& thread : builders_) thread.join();
  to_run_.Close();
  for (std::thread& thread : slots_) thread.join();
}

void Pipeline::Add(WorkerTrial trial) {
  auto job = std::make_unique<Job>();
  job->trial = std::move(trial);
  job->added = Now();
  {
    std::lock_guard lock(mutex_);
    held_.insert(job->trial.attempt);
  }
  to_build_.Push(std::move(job));
}

void Pipeline::Drop(uint64_t attempt) {
  std::lock_guard lock(mutex_);
  if (held_.contains(attempt)) dropped_.insert(attempt);
}

void Pipeline::DropAll() {
  std::lock_guard lock(mutex_);
  dropped_ = held_;
}

bool Pipeline::IsDropped(const Job& job) const {
  std::lock_guard lock(mutex_);
  return dropped_.contains(job.trial.attempt);
}

std::vector<uint64_t> Pipeline::Held() const {
  std::lock_guard lock(mutex_);
  return {held_.begin(), held_.end()};
}

size_t Pipeline::WaitForRoom() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return stopped_ || held_.size() < capacity_; });
  return stopped_ ? 0 : capacity_ - held_.size();
}

void Pipeline::StopWaiting() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
}

void Pipeline::Release(uint64_t attempt) {
  {
    std::lock_guard lock(mutex_);
    held_.erase(attempt);
    dropped_.erase(attempt);
  }
  room_.notify_all();
}

void Pipeline::Finish(Job& job, Outcome outcome) {
  job.result.outcome = std::move(outcome);
  job.result.worker_seconds = SecondsSince(job.added);
  finished_(job.trial, job.result);
  Release(job.trial.attempt);
}

void Pipeline::BuildLoop() {
  Builder builder({setup_.builder, setup_.cores.others});
  while (std::optional<JobPtr> job = to_build_.Pop()) {
    if (IsDropped(**job)) {
      Release((*job)->trial.attempt);
      continue;
    }
    Build(**job, builder);
    if (!(*job)->kernel.library.empty()) to_run_.Push(*std::move(job));
  }
}

void Pipeline::Build(Job& job, Builder& builder) {
  const WorkerTrial& trial = job.trial;
  job.reference = references_.Get(trial.task, trial.options.seed, builder);
  std::string path;
  {
    std::lock_guard lock(mutex_);
    path = absl::StrCat(setup_.folder, "/kernel-", next_file_++, ".so");
  }
  const Time start = Now();
  BuildResult built =
      builder.BuildTask(trial.task, trial.config, path, trial.options.build_limit_seconds);
  job.result.build_seconds = SecondsSince(start);
  if (auto* failure = std::get_if<Failure>(&built)) {
    unlink(path.c_str());  // a builder that was killed may have begun it
    return Finish(job, std::move(*failure));
  }
  job.kernel = std::get<BuiltKernel>(std::move(built));
}

void Pipeline::RunLoop(const std::vector<int>& cores) {
  while (std::optional<JobPtr> job = to_run_.Pop()) {
    if (IsDropped(**job)) {
      Release((*job)->trial.attempt);
    } else {
      Run(**job, cores);
    }
  }
}

void Pipeline::Run(Job& job, const std::vector<int>& cores) {
  const ReferenceResult reference = job.reference.get();
  if (!reference.ok()) {
    return Finish(job, Failure{FailureKind::kUnknown, std::string(reference.status().message())});
  }
  const MeasureOptions& options = job.trial.options;
  RunSpec spec = SpecOf(job.kernel, RunArguments(job.trial.task.workload));
  spec.seed = options.seed;
  spec.reference = (*reference)->path();
  spec.min_samples = options.min_samples;
  spec.max_samples = options.max_samples;
  spec.sampling_seconds = options.sampling_seconds;
  spec.drop_seconds = kDropFactor * options.incumbent_seconds;
  spec.cpu_seconds = options.run_limit_seconds + 1;
  spec.file_bytes = kFileBytes;
  spec.cores = cores;
  const Time start = Now();
  Outcome outcome = RunKernel(setup_.runner, spec, options.run_limit_seconds);
  job.result.run_seconds = SecondsSince(start);
  Finish(job, std::move(outcome));
}

}  // namespace tilewright
