// Whole networks: who may time them, and what is told of them.
#include <utility>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {
namespace {

// A worker whose server was away looks for it at least every half minute (worker/agent/agent.cc).
constexpr double kPatienceLeases = 3;

}  // namespace

absl::Status Dispatcher::MayTimeNetwork(const TrialRequest& network) const {
  std::lock_guard lock(mutex_);
  std::string why = absl::StrCat("no worker of the key \"", network.device_key,
                                 "\" that builds and runs takes whole networks");
  bool others = false;
  for (const auto& [id, session] : sessions_) {
    const WorkerInfo& worker = session.worker;
    const bool kind = absl::StartsWith(worker.target + " ", network.task->target.kind + " ");
    if (worker.device_key != network.device_key) continue;
    others = others || !worker.networks || !kind;
    if (!worker.networks || !kind) continue;
    if (network.options.threads <= worker.slot_cores) return absl::OkStatus();
    why = absl::StrCat("no worker that takes whole networks has slots of ", network.options.threads,
                       " cores");
  }
  const auto left = networks_left_.find(network.device_key);
  const bool none_left = left == networks_left_.end();
  if (none_left && others) return absl::FailedPreconditionError(why);
  const double since = none_left ? started_ : left->second;
  const double patience = kPatienceLeases * options_.lease_seconds;
  if (clock_.Now() - since <= patience) return absl::UnavailableError(why);
  return absl::FailedPreconditionError(why);
}

absl::StatusOr<ReportResult> Dispatcher::JudgeNetwork(const NetworkReport& report, Calls* calls) {
  const auto it = attempts_.find(report.attempt);
  if (it == attempts_.end() || it->second.fence != report.fence) return ReportResult::kDiscarded;
  Attempt& attempt = it->second;
  if (!IsReporter(attempt, report.session)) {
    return absl::PermissionDeniedError("the attempt was leased to another session");
  }
  const TrialPtr trial = attempt.trial;
  if (!trial->request.network) {
    return absl::InvalidArgumentError("a network's times of an attempt that is a kernel's");
  }
  const size_t hash = absl::HashOf(report.times);
  if (attempt.state == AttemptState::kReported) {
    return attempt.outcome == hash ? ReportResult::kDuplicate : ReportResult::kConflict;
  }
  if (attempt.state != AttemptState::kLive) return ReportResult::kDiscarded;  // timed elsewhere
  attempt.outcome = hash;
  health_.OnMeasurement(attempt.worker.name);
  Measured measured{.device = attempt.worker.device, .worker = attempt.worker.name};
  measured.network = report.times;
  Release(report.attempt, AttemptState::kReported);
  if (const auto session = sessions_.find(report.session); session != sessions_.end()) {
    ++session->second.trials;
  }
  Finish(trial, std::move(measured), calls);
  return ReportResult::kRecorded;
}

absl::StatusOr<ReportResult> Dispatcher::ReportNetwork(const NetworkReport& report) {
  Calls calls;
  absl::StatusOr<ReportResult> result;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = sessions_.find(report.session); it != sessions_.end()) {
      it->second.seen = clock_.Now();
    }
    result = JudgeNetwork(report, &calls);
    if (!result.ok() || *result != ReportResult::kRecorded) Count(result);
  }
  for (auto& call : calls) call();
  return result;
}

}  // namespace tilewright
