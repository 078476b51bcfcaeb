#include "worker/reporter.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

constexpr int kThreads = 2;
constexpr size_t kMaxReasonBytes = 4000;  // the server takes 4 KiB
constexpr double kReportSeconds = 20;     // includes making the row durable
constexpr double kFirstBackoff = 1, kMaxBackoff = 30;
// Together with a kernel under way a worker's end takes at most 10 s.
constexpr double kLastSeconds = 4;

AttemptId AttemptOf(const v1::ReportRequest& report) {
  return {report.server_epoch(), report.attempt()};
}

}  // namespace

v1::ReportRequest MakeReport(const WorkerTrial& trial, const WorkerResult& result) {
  v1::ReportRequest report;
  report.set_session(trial.session);
  report.set_server_epoch(trial.attempt.server_epoch);
  report.set_attempt(trial.attempt.number);
  report.set_fence(trial.fence);
  if (!result.outcome.ok()) {
    report.mutable_fault()->set_reason(
        std::string(result.outcome.status().message().substr(0, kMaxReasonBytes)));
    return report;
  }
  v1::Measured& measured = *report.mutable_measured();
  *measured.mutable_outcome() = ToMessage(*result.outcome);
  measured.set_build_seconds(result.build_seconds);
  measured.set_run_seconds(result.run_seconds);
  measured.set_worker_seconds(result.worker_seconds);
  return report;
}

Reporter::Reporter(ServerLink& link, std::function<void(const std::string&)> log)
    : link_(link), log_(std::move(log)) {
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Loop(); });
}

void Reporter::Finish() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    last_ = DeadlineAfter(kLastSeconds);
  }
  stopping_changed_.notify_all();
  queue_.Close();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Reporter::Queue(v1::ReportRequest report) {
  {
    std::lock_guard lock(mutex_);
    pending_.insert(AttemptOf(report));
  }
  queue_.Push(std::move(report));
}

std::vector<AttemptId> Reporter::Pending() const {
  std::lock_guard lock(mutex_);
  return {pending_.begin(), pending_.end()};
}

void Reporter::Loop() {
  while (std::optional<v1::ReportRequest> report = queue_.Pop()) {
    Send(*report);
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

// Repeats: reports are idempotent.
void Reporter::Send(const v1::ReportRequest& report) {
  for (double backoff = kFirstBackoff;; backoff = std::min(kMaxBackoff, 2 * backoff)) {
    double limit = kReportSeconds;
    {
      std::lock_guard lock(mutex_);
      const std::chrono::duration<double> left = last_ - std::chrono::steady_clock::now();
      if (stopping_) limit = std::max(0.0, left.count());
    }
    const absl::Status status = link_.Report(report, limit);
    if (status.ok()) return;
    if (log_) log_(absl::StrCat("cannot report: ", std::string(status.message())));
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return;
    if (!SleepUnlessLate(backoff)) return;
  }
}

}  // namespace tilewright
