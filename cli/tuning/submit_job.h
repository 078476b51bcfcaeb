// A job for a farm, as `tune` and `submit` give it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/endpoints/farm_client.h"
#include "cli/tuning/job_options.h"

namespace tilewright {

struct SubmittedJob {
  v1::JobSpec spec;
  std::string job;
};

// Makes the job, with its network, and submits it. Without --target it is for the target of the
// key's workers; when they differ for the one with the most slots, with a warning on stderr. Where
// no worker can take it, says so on stderr and waits for one, or the job waits; with --no-wait
// Unavailable, and there is no job. REQUIRES: options.key set.
absl::StatusOr<SubmittedJob> SubmitJob(FarmClient& client, JobOptions options);

}  // namespace tilewright
