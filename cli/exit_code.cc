#include "cli/exit_code.h"

#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr char kMark[] = "tilewright/exit-code";

std::optional<ExitCode> MarkOf(const absl::Status& status) {
  const absl::optional<absl::Cord> mark = status.GetPayload(kMark);
  int code = 0;
  if (!mark || !absl::SimpleAtoi(std::string(*mark), &code)) return std::nullopt;
  return static_cast<ExitCode>(code);
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  if (const std::optional<ExitCode> mark = MarkOf(status)) return *mark;
  switch (status.code()) {
    case absl::StatusCode::kOk: return ExitCode::kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition: return ExitCode::kBadInput;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kNotFound: return ExitCode::kUnavailable;
    default: return ExitCode::kFailed;
  }
}

absl::Status WithExitCode(absl::Status status, ExitCode code) {
  const std::string text = absl::StrCat(static_cast<int>(code));
  // Not of the string itself: GCC and clang name that template's instance differently.
  status.SetPayload(kMark, absl::Cord(absl::string_view(text)));
  return status;
}

absl::Status UsageError(std::string message) {
  return WithExitCode(absl::InvalidArgumentError(std::move(message)), ExitCode::kUsage);
}

absl::Status BadInput(absl::Status status) {
  return WithExitCode(std::move(status), ExitCode::kBadInput);
}

}  // namespace tilewright
