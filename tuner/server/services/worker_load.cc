#include "tuner/server/services/worker_load.h"

#include <algorithm>

namespace tilewright {
namespace {

constexpr double kWindowSeconds = 60;

}  // namespace

void WorkerLoad::OnSessionOpened(const WorkerInfo& worker) {
  std::lock_guard lock(mutex_);
  Session& session = sessions_[worker.name];
  if (session.count++ == 0) session.since = clock_.Now();
  session.slots = worker.slots;
}

void WorkerLoad::OnSessionEnded(const WorkerInfo& worker, bool) {
  std::lock_guard lock(mutex_);
  const auto session = sessions_.find(worker.name);
  if (session != sessions_.end() && --session->second.count <= 0) sessions_.erase(session);
}

void WorkerLoad::OnRecorded(const AttemptView& attempt, const Measured& measured, bool) {
  std::lock_guard lock(mutex_);
  const auto session = sessions_.find(attempt.worker.name);
  if (session == sessions_.end()) return;  // a late report of a worker that left
  std::deque<Run>& runs = session->second.runs;
  const double now = clock_.Now();
  while (!runs.empty() && runs.front().end < now - kWindowSeconds) runs.pop_front();
  runs.push_back({now, measured.run_seconds});
}

double WorkerLoad::BusyShare(const std::string& worker) const {
  std::lock_guard lock(mutex_);
  const auto session = sessions_.find(worker);
  if (session == sessions_.end() || session->second.slots == 0) return 0;
  const double now = clock_.Now(), start = std::max(session->second.since, now - kWindowSeconds);
  double busy = 0;
  for (const Run& run : session->second.runs) {
    busy += std::clamp(run.end - start, 0.0, std::max(run.seconds, 0.0));
  }
  return now > start ? std::min(1.0, busy / ((now - start) * session->second.slots)) : 0;
}

}  // namespace tilewright
