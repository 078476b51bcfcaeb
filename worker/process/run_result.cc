#include "worker/process/run_result.h"

#include <signal.h>

#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "worker/process/child.h"

namespace tilewright {
namespace {

absl::Status KilledFromOutside() {
  return absl::UnavailableError("the runner was killed from outside; is there too little memory?");
}

}  // namespace

std::string NewToken() {
  std::random_device device;
  return absl::StrCat(absl::Hex(device(), absl::kZeroPad8), absl::Hex(device(), absl::kZeroPad8));
}

absl::StatusOr<Outcome> OutcomeOfResult(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits(' ', 1));
  const std::string rest(parts.second);
  if (parts.first == "fault") return absl::UnavailableError(rest);
  if (parts.first == "wrong_result") return Failure{FailureKind::kWrongResult, rest};
  if (parts.first == "crash") return Failure{FailureKind::kCrash, rest};
  if (parts.first == "build") return Failure{FailureKind::kBuild, rest};
  Timing timing;
  for (absl::string_view text : absl::StrSplit(parts.second, ' ', absl::SkipEmpty())) {
    double seconds = 0;
    if (!absl::SimpleAtod(text, &seconds) || !(seconds > 0) || !std::isfinite(seconds)) {
      return absl::InternalError(absl::StrCat("the runner wrote \"", text, "\""));
    }
    timing.seconds.push_back(seconds);
  }
  if (parts.first == "ok") return timing;
  return absl::InternalError(absl::StrCat("the runner wrote \"", parts.first, "\""));
}

absl::StatusOr<Outcome> OutcomeOfExit(int status) {
  switch (SignalOf(status)) {
    case SIGXCPU: return Failure{FailureKind::kRunTimeout, "used up its processor time"};
    case SIGKILL: return KilledFromOutside();
    default:
      return Failure{FailureKind::kCrash,
                     absl::StrCat("the kernel's process ended by ", DescribeExit(status))};
  }
}

Failure StillRunning(double limit_seconds) {
  return {FailureKind::kRunTimeout, absl::StrCat("still running after ", limit_seconds, " s")};
}

absl::Status EndedEarly(int status) {
  if (SignalOf(status) == SIGKILL) return KilledFromOutside();
  return absl::UnavailableError(
      absl::StrCat("the runner ended by ", DescribeExit(status), " before it called the kernel"));
}

}  // namespace tilewright
