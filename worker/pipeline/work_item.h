// What a server leases, as the worker's own values.
#pragma once

#include "absl/status/statusor.h"
#include "proto/tilewright.pb.h"
#include "worker/pipeline/trial.h"

namespace tilewright {

// `epoch` is the server's. Errors say what this worker does not understand of it.
absl::StatusOr<WorkerTrial> FromItem(const v1::WorkItem& item, uint64_t epoch);

}  // namespace tilewright
