#include "worker/agent/reporter.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

constexpr int kThreads = 2;
constexpr double kReportSeconds = 20;  // includes making the row durable
constexpr double kFirstRetry = 1, kMaxRetry = 30;
// Together with a kernel under way a worker's end takes at most 10 s.
constexpr double kLastSeconds = 4;

AttemptId AttemptOf(const v1::ReportRequest& report) {
  return {report.server_epoch(), report.attempt()};
}

}  // namespace

v1::ReportRequest EmptyReport(const WorkerTrial& trial) {
  v1::ReportRequest report;
  report.set_session(trial.session);
  report.set_server_epoch(trial.attempt.server_epoch);
  report.set_attempt(trial.attempt.number);
  report.set_fence(trial.fence);
  return report;
}

v1::ReportRequest MakeReport(const WorkerTrial& trial, const WorkerResult& result) {
  v1::ReportRequest report = EmptyReport(trial);
  if (!result.outcome.ok()) {
    report.mutable_fault()->set_reason(
        std::string(result.outcome.status().message().substr(0, kMaxReasonBytes)));
    report.mutable_fault()->set_of_builder(result.of_builder);
    return report;
  }
  if (result.network) {
    report.set_network(result.network->SerializeAsString());
    return report;
  }
  v1::Measured& measured = *report.mutable_measured();
  *measured.mutable_outcome() = ToMessage(*result.outcome);
  measured.set_build_seconds(result.build_seconds);
  measured.set_run_seconds(result.run_seconds);
  measured.set_worker_seconds(result.worker_seconds);
  return report;
}

v1::ReportRequest MakeWithdrawal(const WorkerTrial& trial, const absl::Status& why) {
  v1::ReportRequest report = MakeReport(trial, {.outcome = why});
  report.mutable_fault()->set_withdraws(true);
  return report;
}

Reporter::Reporter(ServerLink& link, Spool* spool, std::function<void(const std::string&)> log,
                   Leased leased)
    : link_(link), spool_(spool), log_(std::move(log)), leased_(std::move(leased)) {
  if (spool_) {
    for (v1::ReportRequest& report : spool_->TakeLeft()) {
      report.clear_lease_items();  // the process that had room is gone
      Queue(std::move(report));
    }
  }
  spooler_ = std::thread([this] { SpoolLoop(); });
  for (int i = 0; i < kThreads; ++i) senders_.emplace_back([this] { SendLoop(); });
}

void Reporter::Finish() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    last_ = DeadlineAfter(kLastSeconds);
  }
  stopping_changed_.notify_all();
  to_spool_.Close();
  if (spooler_.joinable()) spooler_.join();
  to_send_.Close();
  for (std::thread& thread : senders_) thread.join();
  senders_.clear();
}

void Reporter::Queue(v1::ReportRequest report) {
  {
    std::lock_guard lock(mutex_);
    pending_.insert(AttemptOf(report));
  }
  to_spool_.Push(std::move(report));
}

std::vector<AttemptId> Reporter::Pending() const {
  std::lock_guard lock(mutex_);
  return {pending_.begin(), pending_.end()};
}

// A thread of its own: those who queue do not wait for the disk, and all that is queued is safe
// however long the server is away.
void Reporter::SpoolLoop() {
  while (std::optional<v1::ReportRequest> report = to_spool_.Pop()) {
    if (spool_ && (report->has_measured() || report->fault().withdraws())) {
      const absl::Status kept = spool_->Add(*report);
      if (!kept.ok() && log_) log_(std::string(kept.message()));  // it is sent all the same
    }
    to_send_.Push(*std::move(report));
  }
}

void Reporter::SendLoop() {
  while (std::optional<v1::ReportRequest> report = to_send_.Pop()) {
    if (Send(*report) && spool_) spool_->Remove(*report);
    std::lock_guard lock(mutex_);
    pending_.erase(pending_.find(AttemptOf(*report)));
  }
}

// False once there is no time left to try again.
bool Reporter::SleepUnlessLate(double seconds) {
  std::unique_lock lock(mutex_);
  const Deadline until = DeadlineAfter(seconds);
  stopping_changed_.wait_until(lock, until, [this] { return stopping_; });
  if (stopping_) stopping_changed_.wait_until(lock, std::min(until, last_), [] { return false; });
  return std::chrono::steady_clock::now() < last_;
}

// While the server is away its leases are asked for by those that wait for it.
absl::Status Reporter::SendOnce(v1::ReportRequest& report) {
  double limit = kReportSeconds;
  {
    std::lock_guard lock(mutex_);
    const std::chrono::duration<double> left = last_ - std::chrono::steady_clock::now();
    if (stopping_) limit = std::max(0.0, left.count());
  }
  const absl::StatusOr<v1::ReportReply> reply = link_.Report(report, limit);
  if (report.lease_items() > 0) {
    report.clear_lease_items();
    leased_(report.session(), reply.ok() ? *reply : v1::ReportReply());
  }
  return reply.status();
}

// Repeats: reports are idempotent.
bool Reporter::Send(v1::ReportRequest& report) {
  for (double backoff = kFirstRetry;; backoff = std::min(kMaxRetry, 2 * backoff)) {
    const absl::Status status = SendOnce(report);
    if (status.ok()) return true;
    if (log_) log_(absl::StrCat("cannot report: ", std::string(status.message())));
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return true;
    if (!SleepUnlessLate(backoff)) return false;
  }
}

}  // namespace tilewright
