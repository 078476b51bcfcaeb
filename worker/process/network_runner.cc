#include "worker/process/network_runner.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace tilewright {

absl::StatusOr<NetworkRunner> NetworkRunner::Start(const NetworkRunnerSetup& setup,
                                                   Deadline deadline, const Interrupt* interrupt) {
  TW_ASSIGN_OR_RETURN(Child child,
                      Child::Start({setup.program, absl::StrCat(setup.threads), setup.device},
                                   ChildOutput::kDiscarded));
  return NetworkRunner(std::move(child), deadline, interrupt);
}

absl::StatusOr<std::vector<double>> NetworkRunner::Ask(const std::string& request) {
  WriteAll(child_.input(), request + "\n").IgnoreError();  // shows by the missing answer
  const absl::StatusOr<std::string> line = ReadLine(child_.output(), deadline_, interrupt_);
  if (absl::IsUnavailable(line.status())) {
    TW_ASSIGN_OR_RETURN(const int status, child_.End(kOwnEndSeconds));
    return absl::UnavailableError(
        absl::StrCat("the process that ran the network ended by ", DescribeExit(status)));
  }
  TW_RETURN_IF_ERROR(line.status());
  absl::string_view answer = *line;
  if (!absl::ConsumePrefix(&answer, "ok")) {
    absl::ConsumePrefix(&answer, "error ");
    return absl::InternalError(absl::StrCat("the network did not run: ", answer.substr(0, 400)));
  }
  std::vector<double> numbers;
  for (absl::string_view word : absl::StrSplit(answer, ' ', absl::SkipEmpty())) {
    double number = 0;
    if (!absl::SimpleAtod(word, &number) || number < 0) {
      return absl::InternalError(absl::StrCat("the network's runner wrote \"", word, "\""));
    }
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<int> NetworkRunner::Load(const std::string& path) {
  TW_RETURN_IF_ERROR(Ask("load " + path).status());
  return loaded_++;
}

absl::StatusOr<NetworkRunner::Run> NetworkRunner::RunOnce(int package) {
  TW_ASSIGN_OR_RETURN(std::vector<double> numbers, Ask(absl::StrCat("run ", package)));
  if (numbers.empty()) return absl::InternalError("the network's runner told no time");
  const double whole = numbers.front();
  numbers.erase(numbers.begin());
  return Run{whole, std::move(numbers)};
}

absl::StatusOr<NetworkRunner::Limits> NetworkRunner::MeasureLimits(int64_t bytes) {
  TW_ASSIGN_OR_RETURN(const std::vector<double> numbers, Ask(absl::StrCat("limits ", bytes)));
  if (numbers.size() != 2) return absl::InternalError("the network's runner told no limits");
  return Limits{numbers[0], numbers[1]};
}

}  // namespace tilewright
