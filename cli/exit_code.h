// What the command's exit code says, and how a Status becomes one.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace tilewright {

enum class ExitCode {
  kDone = 0,
  kFailed = 1,       // the work failed
  kUsage = 2,        // wrong options or arguments
  kBadInput = 3,     // a file, model, config or log that cannot be used
  kUnavailable = 4,  // something needed is not there: server, device, permission
};

// OK -> kDone;
// InvalidArgument, DataLoss, Unimplemented, OutOfRange, FailedPrecondition -> kBadInput;
// Unavailable, PermissionDenied, Unauthenticated, NotFound -> kUnavailable; others -> kFailed. A
// status marked by one of the functions below keeps its mark.
ExitCode ExitCodeOf(const absl::Status& status);

// The same status, marked with an exit code.
absl::Status WithExitCode(absl::Status status, ExitCode code);

// Options that contradict each other or have impossible values: kUsage.
absl::Status UsageError(std::string message);

// For errors about what the user named (a missing file is bad input, not a missing server).
absl::Status BadInput(absl::Status status);

}  // namespace tilewright
