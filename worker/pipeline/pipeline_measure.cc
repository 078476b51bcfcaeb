// The pipeline's runs of kernels: what a runner is told, and time that a slot has to spare.
#include <algorithm>

#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"
#include "worker/pipeline/pipeline_job.h"
#include "worker/process/run_kernel.h"

namespace tilewright {
namespace {

// Largest file a candidate may write.
constexpr int64_t kFileBytes = 1 << 20;
// A slot for which nothing else is prepared goes on sampling until something is, at most for that
// part of a run's limit: compilers are slower than runs, and until the next kernel is there a
// better estimate costs nothing. Two calls to warm up that just fit into it and one to be timed end
// before the limit.
constexpr double kMostOfLimit = 0.25;
// On a device, whose process is not told when something is: so many times as long.
constexpr double kDeviceSpare = 4;
// Of a control group's memory, what operands may take while one kernel has its turn and the next is
// prepared; the rest is for builders.
constexpr double kOperandsShare = 0.5;
// A run is prepared and has its turn, each within the run's limit.
constexpr double kSteps = 2;

}  // namespace

// While nothing waits for the slot, but something will.
bool Pipeline::EnterSpareTime(Job& job, const Slot& slot) {
  std::lock_guard lock(mutex_);
  const bool apart = setup_.device || setup_.cores.apart;
  return apart && held_.size() > running_ && turns_.Spare(slot.number, &job.spare);
}

RunSpec Pipeline::SpecFor(const Job& job) const {
  const MeasureOptions& options = job.trial.options;
  RunSpec spec = SpecOf(job.kernel, RunArguments(job.trial.task.workload));
  spec.seed = options.seed;
  spec.reference = job.reference.get().value()->path();
  spec.min_samples = options.min_samples;
  spec.max_samples = options.max_samples;
  spec.sampling_seconds = options.sampling_seconds;
  spec.sample_calls = options.calls;
  spec.sample_seconds = options.min_sample_seconds;
  for (RunArgument& argument : spec.arguments) argument.cold |= options.cold;
  spec.drop_seconds = kDropFactor * options.incumbent_seconds;
  spec.flops = Flops(job.trial.task.workload);
  return spec;
}

bool Pipeline::CanPrepareAhead(const Job& job, const Slot& slot) const {
  return !slot.ahead.empty() && !setup_.device && !job.trial.network && job.reference.get().ok() &&
         HasMemoryAhead(job);
}

// Were all kernels that are there at once as large as this one.
bool Pipeline::HasMemoryAhead(const Job& job) const {
  const int64_t limit = setup_.cores.memory_bytes;
  if (limit == 0) return true;
  const std::vector<RunArgument> arguments = RunArguments(job.trial.task.workload);
  int64_t bytes = BytesOf(arguments.back());  // what the output is compared with
  for (const RunArgument& argument : arguments) bytes += BytesOf(argument);
  for (const TensorType& buffer : job.kernel.task.buffers) bytes += NumBytes(buffer);
  const double all = static_cast<double>(bytes) * static_cast<double>(kRunsASlot * slots_.size());
  return all <= kOperandsShare * static_cast<double>(limit);
}

void Pipeline::Prepare(Job& job, const Slot& slot) {
  const MeasureOptions& options = job.trial.options;
  RunSpec spec = SpecFor(job);
  spec.cpu_seconds = kSteps * options.run_limit_seconds + 1;
  spec.file_bytes = kFileBytes;
  // A server that does not say how many threads means all cores.
  const size_t threads = std::min<size_t>(slot.cores.size(), options.threads);
  spec.cores = slot.cores;
  if (threads > 0) spec.cores.resize(threads);
  spec.ahead = slot.ahead;
  spec.require_sandbox = setup_.require_sandbox;
  spec.threads = std::max(1, static_cast<int>(spec.cores.size()));
  job.prepared.emplace(setup_.runner, std::move(spec), options.run_limit_seconds, &run_interrupt_);
}

absl::StatusOr<Outcome> Pipeline::Measure(Job& job, const Slot& slot) {
  TW_RETURN_IF_ERROR(job.reference.get().status());
  if (setup_.device) return RunOnDevice(job, slot);
  if (!job.prepared) Prepare(job, slot);
  const MeasureOptions& options = job.trial.options;
  Turn turn{.limit_seconds = options.run_limit_seconds};
  if (EnterSpareTime(job, slot)) {
    turn.spare = &job.spare;
    turn.spare_seconds = std::min(kMostOfLimit * options.run_limit_seconds, kMostSpareSeconds);
  }
  return job.prepared->Run(turn);
}

absl::StatusOr<Outcome> Pipeline::RunOnDevice(Job& job, const Slot& slot) {
  RunSpec spec = SpecFor(job);
  if (EnterSpareTime(job, slot)) spec.sampling_seconds *= kDeviceSpare;
  return setup_.device->Run(spec, job.trial.options.run_limit_seconds, &run_interrupt_);
}

}  // namespace tilewright
