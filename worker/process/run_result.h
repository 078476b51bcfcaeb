// What runners answer, as outcomes: lines of a token that the kernel does not know and a word with
// its text.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "compiler/core/outcome.h"

namespace tilewright {

// 64 random bits as text.
std::string NewToken();

// "ok SECONDS...", "wrong_result TEXT", "crash TEXT", "build TEXT" (a device's driver refuses the
// code), "fault TEXT". Unavailable for a fault, Internal for anything else.
absl::StatusOr<Outcome> OutcomeOfResult(absl::string_view line);

// Of a process that ended in the kernel, by waitpid's status. Unavailable: killed from outside.
absl::StatusOr<Outcome> OutcomeOfExit(int status);

// Of one that runs after its limit.
Failure StillRunning(double limit_seconds);

// Of a process that ended by `status` before it called the kernel: nothing the kernel did.
absl::Status EndedEarly(int status);

}  // namespace tilewright
