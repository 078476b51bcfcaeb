// What a client needs to know of the workers of a key.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/farm_client.h"

namespace tilewright {

// The target of the workers of a key; when they differ the one with the most slots, with a warning
// on stderr. Without a worker: says so on stderr and waits for one, or Unavailable with `no_wait`.
absl::StatusOr<std::string> TargetOfKey(FarmClient& client, const std::string& key, bool no_wait);

// Says on stderr that the job waits for a worker; with `no_wait` cancels it: Unavailable.
absl::Status SayNoWorker(FarmClient& client, const std::string& key, const std::string& job,
                         bool no_wait);

}  // namespace tilewright
