// What a report of a worker does: the part of the dispatcher that makes each effect happen once.
#include <utility>

#include "absl/status/status.h"
#include "tuner/server/dispatcher.h"

namespace tilewright {

// Decides what a report is. kRecorded and kLateRecorded: `finished` is to be committed.
absl::StatusOr<ReportResult> Dispatcher::Judge(const TrialReport& report, FinishedTrial* finished) {
  const auto it = attempts_.find(report.attempt);
  if (it == attempts_.end() || it->second.fence != report.fence) return ReportResult::kDiscarded;
  Attempt& attempt = it->second;
  if (attempt.state == AttemptState::kCommitting) {
    return absl::UnavailableError("the same report is being stored; send it again");
  }
  if (attempt.state == AttemptState::kReported) {
    return attempt.outcome == report.measured.outcome ? ReportResult::kDuplicate
                                                      : ReportResult::kConflict;
  }
  const bool late = attempt.state != AttemptState::kLive;
  attempt.before_commit = std::exchange(attempt.state, AttemptState::kCommitting);
  attempt.outcome = report.measured.outcome;
  *finished = {attempt.trial->request, attempt.worker, report.measured, report.attempt, late};
  return late ? ReportResult::kLateRecorded : ReportResult::kRecorded;
}

void Dispatcher::Report(const TrialReport& report, Reported reported) {
  FinishedTrial finished;
  absl::StatusOr<ReportResult> result;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = sessions_.find(report.session); it != sessions_.end()) {
      it->second.seen = clock_.Now();
    }
    result = Judge(report, &finished);
  }
  const bool commit =
      result.ok() && (*result == ReportResult::kRecorded || *result == ReportResult::kLateRecorded);
  if (!commit) return reported(result);
  finished.measured.worker = finished.worker.name;
  finished.measured.device = finished.worker.device;
  TrialReport stored = report;
  stored.measured = finished.measured;
  commit_(std::move(finished),
          [this, stored, reported](absl::Status status) { Committed(stored, status, reported); });
}

void Dispatcher::Committed(const TrialReport& report, const absl::Status& status,
                           const Reported& reported) {
  Calls calls;
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    Attempt& attempt = attempts_.at(report.attempt);
    attempt.state = attempt.before_commit;
    late = attempt.state != AttemptState::kLive;
    if (status.ok()) {
      Settle(report.attempt, report.measured, &calls);
    } else if (!late && sessions_.contains(attempt.session)) {
      attempt.deadline = clock_.Now() + options_.lease_seconds;
    } else if (!late) {
      Lose(report.attempt, &calls);  // its session ended meanwhile
    }
  }
  for (auto& call : calls) call();
  if (!status.ok()) return reported(absl::UnavailableError(status.message()));
  reported(late ? ReportResult::kLateRecorded : ReportResult::kRecorded);
}

// A durable result ends its trial, whichever attempt it came from: a finished timing is true even
// when its lease was over.
void Dispatcher::Settle(uint64_t id, const Measured& measured, Calls* calls) {
  Attempt& attempt = attempts_.at(id);
  const std::shared_ptr<Trial> trial = attempt.trial;
  if (attempt.state == AttemptState::kLive) {
    Release(id, AttemptState::kReported);
  } else {
    attempt.state = AttemptState::kReported;
    if (trial->attempt != 0 && attempts_.at(trial->attempt).state == AttemptState::kLive) {
      Release(trial->attempt, AttemptState::kCancelled);
    } else if (trial->state == TrialState::kQueued) {
      std::erase(shares_[trial->request.device_key][trial->request.job].queue, trial);
      DropEmptyShare(trial->request);
    }
  }
  Finish(trial, measured, calls);
}

}  // namespace tilewright
