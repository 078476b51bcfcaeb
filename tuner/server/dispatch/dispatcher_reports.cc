// What a report of a worker does: the part of the dispatcher that makes each effect happen once.
#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {
namespace {

// Kept instead of the outcome: tells a repeated report from another one.
size_t HashOf(const Outcome& outcome) {
  if (const auto* timing = std::get_if<Timing>(&outcome)) return absl::HashOf(timing->seconds);
  const auto& failure = std::get<Failure>(outcome);
  return absl::HashOf(static_cast<int>(failure.kind), failure.message);
}

absl::Status NotTheReporter() {
  return absl::PermissionDeniedError(
      "the attempt was leased to another session: report under the one that leased it");
}

}  // namespace

// The session that leased it, or a later one of the same process.
bool Dispatcher::IsReporter(const Attempt& attempt, const std::string& session) const {
  if (attempt.session == session) return true;
  const auto it = sessions_.find(session);
  return it != sessions_.end() && it->second.worker.name == attempt.worker.name &&
         it->second.worker.incarnation == attempt.worker.incarnation;
}

// Decides what a report is. kRecorded and kLateRecorded: `finished` is to be committed. kRequeued:
// what was run is of a builder whose certificate is revoked.
absl::StatusOr<ReportResult> Dispatcher::Judge(const TrialReport& report, FinishedTrial* finished) {
  const auto it = attempts_.find(report.attempt);
  if (it == attempts_.end() || it->second.fence != report.fence) return ReportResult::kDiscarded;
  Attempt& attempt = it->second;
  if (!IsReporter(attempt, report.session)) return NotTheReporter();
  if (attempt.state == AttemptState::kCommitting) {
    return absl::UnavailableError("the same report is being stored; send it again");
  }
  if (attempt.trial->request.network) {
    return absl::InvalidArgumentError("a kernel's time of a whole network");
  }
  if (attempt.worker.role == WorkerRole::kBuild && MedianSeconds(report.measured.outcome)) {
    return absl::InvalidArgumentError("a worker that only builds reports a time");
  }
  if (!IsPossible(*attempt.trial->request.task, report.measured.outcome)) {
    return absl::InvalidArgumentError("no device can do this workload in the time reported");
  }
  if (attempt.withdrawn) return ReportResult::kDiscarded;
  if (IsRevoked(attempt.signer) && attempt.state != AttemptState::kReported) {
    const bool live = attempt.state == AttemptState::kLive;
    return live ? ReportResult::kRequeued : ReportResult::kDiscarded;
  }
  const size_t hash = HashOf(report.measured.outcome);
  if (attempt.state == AttemptState::kReported) {
    if (attempt.outcome == hash) return ReportResult::kDuplicate;
    Tell([&](FarmObserver& o) { o.OnConflict(ViewOf(report.attempt, attempt)); });
    return ReportResult::kConflict;
  }
  const bool late = attempt.state != AttemptState::kLive;
  attempt.before_commit = std::exchange(attempt.state, AttemptState::kCommitting);
  attempt.outcome = hash;
  *finished = {attempt.trial->request, attempt.worker, report.measured, report.attempt, late};
  if (!attempt.builder.empty()) {
    finished->measured.builder = attempt.builder;
    finished->measured.build_seconds = attempt.build_seconds;
  }
  return late ? ReportResult::kLateRecorded : ReportResult::kRecorded;
}

void Dispatcher::Count(const absl::StatusOr<ReportResult>& result) {
  if (!result.ok()) return;
  switch (*result) {
    case ReportResult::kDuplicate: ++counts_.duplicates; break;
    case ReportResult::kConflict: ++counts_.conflicts; break;
    case ReportResult::kDiscarded: ++counts_.discarded; break;
    case ReportResult::kRecorded:  // counted once it is durable
    case ReportResult::kLateRecorded:
    case ReportResult::kRequeued:
    case ReportResult::kWaitsForRun: break;
  }
}

void Dispatcher::Report(const TrialReport& report, Reported reported) {
  FinishedTrial finished;
  Calls calls;
  absl::StatusOr<ReportResult> result;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = sessions_.find(report.session); it != sessions_.end()) {
      it->second.seen = clock_.Now();
    }
    result = Judge(report, &finished);
    Count(result);
    // A clock that tells nonsense is the worker's fault.
    if (absl::IsInvalidArgument(result.status()) &&
        attempts_.at(report.attempt).state == AttemptState::kLive) {
      Fault(report.attempt, std::string(result.status().message()), &calls);
    } else if (result.ok() && *result == ReportResult::kRequeued) {
      const std::string why = WhyRevoked(attempts_.at(report.attempt).builder);
      Fault(report.attempt, why, &calls, /*of_builder=*/true);
    }
  }
  for (auto& call : calls) call();
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
    std::unique_lock lock(mutex_);
    const auto it = attempts_.find(report.attempt);
    if (it == attempts_.end()) {  // so late that it was forgotten meanwhile
      lock.unlock();
      return reported(status.ok() ? absl::StatusOr<ReportResult>(ReportResult::kLateRecorded)
                                  : absl::UnavailableError(status.message()));
    }
    Attempt& attempt = it->second;
    attempt.state = attempt.before_commit;
    late = attempt.state != AttemptState::kLive;
    if (status.ok()) {
      ++(late ? counts_.late : counts_.recorded);
      health_.OnMeasurement(attempt.worker.name);
      if (!attempt.builder.empty()) health_.OnMeasurement(attempt.builder);
      Tell([&](FarmObserver& o) {
        o.OnRecorded(ViewOf(report.attempt, attempt), report.measured, late);
      });
      if (const auto it = sessions_.find(attempt.session); it != sessions_.end()) {
        ++it->second.trials;
      }
      const bool apart = attempt.trial->apart;
      const std::string key = attempt.trial->request.device_key;
      Settle(report.attempt, report.measured, &calls);
      if (apart) ServeWaits(key, &calls);  // a builder may go on
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
  const TrialPtr trial = attempt.trial;
  if (attempt.state == AttemptState::kLive) {
    Release(id, AttemptState::kReported);
  } else {
    attempt.state = AttemptState::kReported;
    if (trial->attempt != 0 && attempts_.at(trial->attempt).state == AttemptState::kLive) {
      Release(trial->attempt, AttemptState::kCancelled);
    } else if (trial->state == QueuedTrial::State::kQueued) {
      queues_[trial->request.device_key].Remove(trial);
    }
  }
  Finish(trial, measured, calls);
}

// ---- faults ------------------------------------------------------------------------------------

absl::StatusOr<ReportResult> Dispatcher::JudgeFault(const FaultReport& fault, Calls* calls) {
  const auto it = attempts_.find(fault.attempt);
  if (it == attempts_.end() || it->second.fence != fault.fence) return ReportResult::kDiscarded;
  if (!IsReporter(it->second, fault.session)) return NotTheReporter();
  if (fault.withdraws && it->second.state == AttemptState::kCommitting) {
    return absl::UnavailableError("what is withdrawn is being stored; send it again");
  }
  it->second.withdrawn |= fault.withdraws && it->second.state != AttemptState::kReported;
  switch (it->second.state) {
    case AttemptState::kLive: Fault(fault.attempt, fault.reason, calls, fault.of_builder); break;
    case AttemptState::kCommitting:
    case AttemptState::kReported: return ReportResult::kConflict;
    case AttemptState::kLost:     // another worker has it already
    case AttemptState::kFaulted:  // the same report again
    case AttemptState::kCancelled: break;
  }
  return ReportResult::kRequeued;
}

absl::StatusOr<ReportResult> Dispatcher::ReportFault(const FaultReport& fault) {
  Calls calls;
  absl::StatusOr<ReportResult> result;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = sessions_.find(fault.session); it != sessions_.end()) {
      it->second.seen = clock_.Now();
    }
    result = JudgeFault(fault, &calls);
    Count(result);
  }
  for (auto& call : calls) call();
  return result;
}

}  // namespace tilewright
