// The pipeline's runs of kernels: what a runner is told, and time that a slot has to spare.
#include <algorithm>
#include <chrono>

#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"
#include "worker/pipeline/pipeline_job.h"
#include "worker/process/run_kernel.h"

namespace tilewright {
namespace {

// Largest file a candidate may write.
constexpr int64_t kFileBytes = 1 << 20;
// A slot for which nothing else is built goes on sampling until something is, at most for so many
// times as long and for that part of a run's limit: compilers are slower than runs, and until the
// next kernel is there a better estimate costs nothing.
constexpr double kMostSpare = 16, kMostOfLimit = 0.5;
// The same on a device, whose process is not told when something is.
constexpr double kDeviceSpare = 4;

}  // namespace

// While nothing is built, but something will be.
bool Pipeline::HasTimeToSpare() const {
  return builders_apart_ && built_.empty() && held_.size() > running_;
}

bool Pipeline::EnterSpareTime(SpareTime* spare) {
  std::lock_guard lock(mutex_);
  const bool has = HasTimeToSpare();
  if (has) spare_times_.Enter(spare);
  return has;
}

absl::StatusOr<Outcome> Pipeline::Measure(Job& job, const std::vector<int>& cores) {
  TW_ASSIGN_OR_RETURN(const std::shared_ptr<const RemovedFile> reference, job.reference.get());
  const MeasureOptions& options = job.trial.options;
  RunSpec spec = SpecOf(job.kernel, RunArguments(job.trial.task.workload));
  spec.seed = options.seed;
  spec.reference = reference->path();
  spec.min_samples = options.min_samples;
  spec.max_samples = options.max_samples;
  spec.sampling_seconds = options.sampling_seconds;
  spec.sample_calls = options.calls;
  spec.sample_seconds = options.min_sample_seconds;
  for (RunArgument& argument : spec.arguments) argument.cold |= options.cold;
  spec.drop_seconds = kDropFactor * options.incumbent_seconds;
  spec.flops = Flops(job.trial.task.workload);
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  absl::StatusOr<Outcome> outcome =
      setup_.device ? RunOnDevice(std::move(spec), options) : RunOnCores(spec, options, cores);
  job.result.run_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return outcome;
}

absl::StatusOr<Outcome> Pipeline::RunOnDevice(RunSpec spec, const MeasureOptions& options) {
  {
    std::lock_guard lock(mutex_);
    if (HasTimeToSpare()) spec.sampling_seconds *= kDeviceSpare;
  }
  return setup_.device->Run(spec, options.run_limit_seconds, &run_interrupt_);
}

absl::StatusOr<Outcome> Pipeline::RunOnCores(RunSpec spec, const MeasureOptions& options,
                                             const std::vector<int>& cores) {
  spec.cpu_seconds = options.run_limit_seconds + 1;
  spec.file_bytes = kFileBytes;
  // A server that does not say how many threads means all cores.
  const size_t threads = std::min<size_t>(cores.size(), options.threads);
  spec.cores = cores;
  if (threads > 0) spec.cores.resize(threads);
  spec.require_sandbox = setup_.require_sandbox;
  spec.threads = std::max(1, static_cast<int>(spec.cores.size()));
  SpareTime spare;
  if (EnterSpareTime(&spare)) {
    spec.spare_seconds =
        std::min(kMostSpare * options.sampling_seconds, kMostOfLimit * options.run_limit_seconds);
  }
  absl::StatusOr<Outcome> outcome =
      RunKernel(setup_.runner, spec, options.run_limit_seconds, &run_interrupt_, nullptr, &spare);
  spare_times_.Leave(&spare);
  return outcome;
}

}  // namespace tilewright
