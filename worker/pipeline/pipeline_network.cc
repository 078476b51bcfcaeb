// Whole networks in the pipeline: a builder's thread compiles the packages, a slot's runs them.
#include <utility>

#include "base/status_macros.h"
#include "worker/pipeline/pipeline_job.h"

namespace tilewright {
void Pipeline::BuildNetwork(JobPtr job) {
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<NetworkPackages> packages =
      BuildPackages(*job->trial.network, builder_options(), [&] { return !IsDropped(*job); });
  job->result.build_seconds = SecondsSince(start);
  if (!packages.ok()) return Finish(*job, std::move(packages).status());
  if (!packages->left_out.empty()) {
    job->result.network.emplace().set_left_out(packages->left_out);
    return Finish(*job, Outcome());
  }
  job->packages = *std::move(packages);
  PushBuilt(std::move(job));
}

absl::StatusOr<Outcome> Pipeline::RunNetwork(Job& job, const std::vector<int>& cores) {
  TW_ASSIGN_OR_RETURN(job.result.network, RunPackages(*job.trial.network, job.packages,
                                                      {.program = setup_.network_runner,
                                                       .cores = cores,
                                                       .require_sandbox = setup_.require_sandbox,
                                                       .interrupt = &run_interrupt_}));
  return Outcome();
}

}  // namespace tilewright
