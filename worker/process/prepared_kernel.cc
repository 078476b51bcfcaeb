#include "worker/process/prepared_kernel.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "worker/process/pipe_io.h"
#include "worker/process/run_result.h"

namespace tilewright {
namespace {

constexpr size_t kMaxResultBytes = 64 << 10;
constexpr size_t kQuotedAnswerBytes = 80;

// Of a process that ended before it called the kernel: nothing the kernel did.
absl::Status EarlyEnd(const absl::Status& why, Child& child, double limit_seconds) {
  if (absl::IsDeadlineExceeded(why)) {
    return absl::UnavailableError(
        absl::StrCat("the runner did not come to call the kernel in ", limit_seconds, " s"));
  }
  if (!absl::IsUnavailable(why)) return why;
  TW_ASSIGN_OR_RETURN(const int status, child.End(kOwnEndSeconds));
  return EndedEarly(status);
}

bool IsOver(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

double SecondsUntil(Deadline deadline) {
  const std::chrono::duration<double> left = deadline - std::chrono::steady_clock::now();
  return std::max(0.0, left.count());
}

absl::Status Nonsense(absl::string_view text) {
  return absl::InternalError(
      absl::StrCat("the runner wrote \"", text.substr(0, kQuotedAnswerBytes), "\""));
}

// A kernel that has not had its turn can only have failed.
absl::StatusOr<std::optional<Outcome>> OutcomeBeforeTurn(absl::string_view line) {
  TW_ASSIGN_OR_RETURN(Outcome outcome, OutcomeOfResult(line));
  if (!std::holds_alternative<Failure>(outcome)) return Nonsense(line);
  return std::optional<Outcome>(std::move(outcome));
}

}  // namespace

PreparedKernel::PreparedKernel(const std::string& runner, RunSpec spec, double limit_seconds,
                               const Interrupt* interrupt)
    : spec_(std::move(spec)), interrupt_(interrupt) {
  spec_.token = NewToken();
  ended_ = Prepare(runner, limit_seconds);
}

absl::StatusOr<std::optional<Outcome>> PreparedKernel::Prepare(const std::string& runner,
                                                               double limit_seconds) {
  TW_ASSIGN_OR_RETURN(child_, Child::Start({runner}, ChildOutput::kDiscarded));
  // A runner that cannot be told shows by its exit.
  WriteAll(child_->input(), ToText(spec_) + kEndOfSpec).IgnoreError();
  return AwaitReady(limit_seconds);
}

absl::StatusOr<std::optional<Outcome>> PreparedKernel::AwaitReady(double limit_seconds) {
  const Deadline deadline = DeadlineAfter(limit_seconds);
  const std::string mark = spec_.token + " ";
  const absl::StatusOr<std::string> first = ReadLine(child_->output(), deadline, interrupt_);
  if (!first.ok()) return EarlyEnd(first.status(), *child_, limit_seconds);
  absl::string_view word = *first;
  if (absl::ConsumePrefix(&word, mark)) return OutcomeBeforeTurn(word);
  if (!absl::ConsumePrefix(&word, "called")) return Nonsense(word);
  lacking_ = std::string(absl::StripAsciiWhitespace(word));
  const absl::StatusOr<std::string> second = ReadLine(child_->output(), deadline, interrupt_);
  word = second.ok() ? *second : absl::string_view();
  if (!absl::ConsumePrefix(&word, mark)) return WithoutResult(deadline, limit_seconds);
  if (word == "ready") return std::optional<Outcome>();
  return OutcomeBeforeTurn(word);
}

absl::StatusOr<Outcome> PreparedKernel::Run(const Turn& turn) {
  if (!ended_.ok()) return std::move(ended_).status();
  if (*ended_) return **std::move(ended_);
  const std::string go = GoLine(turn.spare ? turn.spare_seconds : 0) + "\n";
  // One that is gone shows when it is read.
  WriteAll(child_->input(), go).IgnoreError();
  if (turn.spare) {
    turn.spare->Hold(child_->ReleaseInput());
  } else {
    child_->CloseInput();
  }
  return Answer(turn);
}

absl::StatusOr<Outcome> PreparedKernel::Answer(const Turn& turn) {
  const Deadline deadline = DeadlineAfter(turn.limit_seconds);
  const absl::StatusOr<std::string> text =
      ReadText(child_->output(), kMaxResultBytes, deadline, interrupt_);
  absl::string_view result = text.ok() ? *text : absl::string_view();
  // What does not begin with the token was written by the kernel.
  if (absl::ConsumePrefix(&result, spec_.token + " ") && absl::ConsumeSuffix(&result, "\n")) {
    return OutcomeOfResult(result);
  }
  return WithoutResult(deadline, turn.limit_seconds);
}

// It ends in the kernel, or is ended.
absl::StatusOr<Outcome> PreparedKernel::WithoutResult(Deadline deadline, double limit_seconds) {
  const absl::Status rest = ReadToEnd(child_->output(), 0, deadline, interrupt_).status();
  if (absl::IsCancelled(rest)) return rest;
  TW_ASSIGN_OR_RETURN(const int status, child_->End(SecondsUntil(deadline)));
  return IsOver(deadline) ? StillRunning(limit_seconds) : OutcomeOfExit(status);
}

}  // namespace tilewright
