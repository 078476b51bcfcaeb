#include "cli/model/operators_library.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/executable.h"
#include "cli/exit_code.h"
#include "worker/process/child.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

constexpr double kMostSeconds = 20;  // the process gives up its own time sooner
constexpr size_t kMaxAnswer = (1 << 20) + (4 << 10);

absl::Status Refused(const std::string& path, absl::string_view why) {
  return BadInput(absl::InvalidArgumentError(absl::StrCat(path, ": ", why)));
}

// The text in an answer, or why there is none.
absl::StatusOr<std::string> TextIn(const std::string& answer, const std::string& path) {
  absl::string_view rest = answer;
  if (absl::ConsumePrefix(&rest, "error ")) return Refused(path, rest);
  const size_t line = rest.find('\n');
  if (!absl::ConsumePrefix(&rest, "text") || line == absl::string_view::npos) {
    return Refused(path, "its code wrote what is no text of operators");
  }
  const absl::string_view lacking = absl::string_view(answer).substr(4, line - 4);
  if (!lacking.empty()) {
    std::cerr << path << ": this machine lacks" << lacking << " to confine its code\n";
  }
  return answer.substr(line + 1);
}

}  // namespace

bool IsLibrary(const std::string& path) {
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof(magic));
  return std::string_view(magic, sizeof(magic)) == "\177ELF";
}

absl::StatusOr<std::string> OperatorsOfLibrary(const std::string& path) {
  const std::string program = ExecutableFolder() / "tilewright-operators";
  std::error_code gone;  // a working folder that is: a relative path must do
  const std::filesystem::path whole = std::filesystem::absolute(path, gone);
  TW_ASSIGN_OR_RETURN(
      Child child, Child::Start({program, gone ? path : whole.string()}, ChildOutput::kOurStderr));
  child.CloseInput();
  const absl::StatusOr<std::string> answer =
      ReadToEnd(child.output(), kMaxAnswer, DeadlineAfter(kMostSeconds));
  if (absl::IsDeadlineExceeded(answer.status())) {
    return Refused(path, absl::StrCat("its code takes more than ", kMostSeconds, " s"));
  }
  TW_RETURN_IF_ERROR(answer.status());
  TW_ASSIGN_OR_RETURN(const int status, child.End(kOwnEndSeconds));
  if (status != 0) return Refused(path, absl::StrCat("its code ended by ", DescribeExit(status)));
  return TextIn(*answer, path);
}

}  // namespace tilewright
