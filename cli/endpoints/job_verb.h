// The verbs that change the state of one job of a farm.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/endpoints/farm_client.h"
#include "cli/verb.h"

namespace tilewright {

// Adds a verb with the argument JOB and a server: it asks for `change` and prints "JOB: state".
void AddJobVerb(CLI::App& parent, VerbInfo info,
                absl::StatusOr<v1::JobState> (FarmClient::*change)(const std::string& job));

}  // namespace tilewright
