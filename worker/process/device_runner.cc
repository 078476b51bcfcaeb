#include "worker/process/device_runner.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "runtime/device/device_driver.h"
#include "worker/process/pipe_io.h"
#include "worker/process/run_result.h"

namespace tilewright {
namespace {

constexpr double kOpenSeconds = 60;  // drivers look for devices
constexpr size_t kQuotedWordBytes = 80;

// The lines with which the process begins.
absl::StatusOr<DeviceFacts> ReadFacts(int fd, const Interrupt* interrupt) {
  const Deadline deadline = DeadlineAfter(kOpenSeconds);
  TW_ASSIGN_OR_RETURN(const std::string first, ReadLine(fd, deadline, interrupt));
  absl::string_view word = first;
  if (absl::ConsumePrefix(&word, "fault ")) return absl::UnavailableError(word);
  if (!absl::ConsumePrefix(&word, "ready")) {
    return absl::InternalError(
        absl::StrCat("the device's runner wrote \"", word.substr(0, kQuotedWordBytes), "\""));
  }
  DeviceFacts facts{.lacking = std::string(absl::StripAsciiWhitespace(word))};
  for (std::string* field : {&facts.name, &facts.driver, &facts.arch}) {
    TW_ASSIGN_OR_RETURN(*field, ReadLine(fd, deadline, interrupt));
  }
  return facts;
}

// Another candidate may follow in the same process.
bool IsClean(const absl::StatusOr<Outcome>& outcome) {
  if (!outcome.ok()) return false;
  const auto* failure = std::get_if<Failure>(&*outcome);
  return failure == nullptr || failure->kind == FailureKind::kWrongResult ||
         failure->kind == FailureKind::kBuild;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceRunner>> DeviceRunner::Start(DeviceRunnerSetup setup) {
  const std::string_view kind = runtime::KindOf(setup.device);
  const runtime::DeviceDriver* driver = runtime::FindDriver(kind);
  if (driver != nullptr && !driver->timed) {
    return absl::FailedPreconditionError(
        absl::StrCat(Sv(kind), " checks kernels and has no speed to measure; run packages on it: ",
                     "tilewright run PACKAGE --device ", Sv(kind), ":0"));
  }
  std::unique_ptr<DeviceRunner> runner(new DeviceRunner(std::move(setup)));
  TW_RETURN_IF_ERROR(runner->EnsureStarted(nullptr));
  return runner;
}

std::string DeviceRunner::target() const {
  const std::string kind(runtime::KindOf(setup_.device));
  return facts_.arch.empty() ? kind : absl::StrCat(kind, " -arch=", facts_.arch);
}

bool DeviceRunner::compiles() const { return absl::StartsWith(setup_.device, "opencl"); }

absl::Status DeviceRunner::EnsureStarted(const Interrupt* interrupt) {
  if (child_) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(Child child, Child::Start({setup_.path, setup_.device,
                                                 absl::StrJoin(setup_.cores, ","), setup_.folder},
                                                ChildOutput::kDiscarded));
  absl::StatusOr<DeviceFacts> facts = ReadFacts(child.output(), interrupt);
  if (absl::IsCancelled(facts.status())) return facts.status();
  if (!facts.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cannot use ", setup_.device, ": ", std::string(facts.status().message())));
  }
  if (setup_.require_sandbox && !facts->lacking.empty()) {
    return absl::UnavailableError(absl::StrCat("this machine lacks ", facts->lacking));
  }
  if (facts_.name.empty()) facts_ = *std::move(facts);
  child_ = std::move(child);
  return absl::OkStatus();
}

absl::StatusOr<Outcome> DeviceRunner::Run(const RunSpec& spec, double limit_seconds,
                                          const Interrupt* interrupt) {
  return RunLocked(spec, /*ahead=*/false, limit_seconds, interrupt);
}

absl::StatusOr<std::optional<Failure>> DeviceRunner::Compile(const RunSpec& spec,
                                                             double limit_seconds,
                                                             const Interrupt* interrupt) {
  TW_ASSIGN_OR_RETURN(const Outcome outcome,
                      RunLocked(spec, /*ahead=*/true, limit_seconds, interrupt));
  const auto* failure = std::get_if<Failure>(&outcome);
  if (failure == nullptr) return std::nullopt;
  if (failure->kind != FailureKind::kRunTimeout) return *failure;
  return Failure{FailureKind::kBuildTimeout,
                 absl::StrCat("the device's driver did not compile it in ", limit_seconds, " s")};
}

absl::StatusOr<Outcome> DeviceRunner::RunLocked(const RunSpec& spec, bool ahead,
                                                double limit_seconds, const Interrupt* interrupt) {
  std::lock_guard lock(mutex_);
  TW_RETURN_IF_ERROR(EnsureStarted(interrupt));
  absl::StatusOr<Outcome> outcome = Ask(spec, ahead, limit_seconds, interrupt);
  if (IsClean(outcome)) return outcome;
  child_.reset();
  // A candidate is to blame only for what a device survives: not for one that is gone.
  if (outcome.ok()) TW_RETURN_IF_ERROR(EnsureStarted(interrupt));
  return outcome;
}

absl::StatusOr<std::unique_ptr<DeviceRunner>> DeviceRunner::StartCompiler(
    std::vector<int> cores) const {
  DeviceRunnerSetup setup = setup_;
  setup.cores = std::move(cores);
  return Start(std::move(setup));
}

absl::StatusOr<Outcome> DeviceRunner::Ask(const RunSpec& spec, bool ahead, double limit_seconds,
                                          const Interrupt* interrupt) {
  const Deadline deadline = DeadlineAfter(limit_seconds);
  RunSpec told = spec;
  told.token = NewToken();
  // A process that is gone shows when it is read.
  const std::string text = absl::StrCat(ahead ? "ahead\n" : "", ToText(told), kEndOfSpec);
  WriteAll(child_->input(), text).IgnoreError();
  const std::string mark = told.token + " ";
  for (bool called = false;; called = true) {
    const absl::StatusOr<std::string> line = ReadLine(child_->output(), deadline, interrupt);
    if (absl::IsDeadlineExceeded(line.status())) {
      TW_RETURN_IF_ERROR(child_->End(0).status());
      if (called) return StillRunning(limit_seconds);
      return absl::UnavailableError(
          absl::StrCat(setup_.device, " took no arguments in ", limit_seconds, " s"));
    }
    if (absl::IsUnavailable(line.status())) {
      TW_ASSIGN_OR_RETURN(const int status, child_->End(kOwnEndSeconds));
      return called ? OutcomeOfExit(status) : absl::StatusOr<Outcome>(EndedEarly(status));
    }
    TW_RETURN_IF_ERROR(line.status());
    absl::string_view word = *line;
    if (absl::ConsumePrefix(&word, mark)) {
      return ahead && word == "compiled" ? Outcome() : OutcomeOfResult(word);
    }
    if (called || word != "called") {
      return absl::InternalError(
          absl::StrCat("the device's runner wrote \"", word.substr(0, kQuotedWordBytes), "\""));
    }
  }
}

}  // namespace tilewright
