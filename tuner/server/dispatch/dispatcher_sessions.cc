// Sessions, waits, time and health: the part of the dispatcher that knows who is there.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {
namespace {

// A session may be silent for a lease and this much more before it is dropped.
constexpr double kSessionGraceSeconds = 10;
// Silence, in parts of a lease, after which another process may take a worker's name over: two and
// a half renewals.
constexpr double kTakeOverLeases = 2.5 / 6;

absl::Status NoSession(const std::string& session) {
  return absl::NotFoundError(
      absl::StrCat("session ", session.substr(0, 40), " is unknown or over; open another"));
}

}  // namespace

// ---- sessions ----------------------------------------------------------------------------------

absl::Status Dispatcher::EndOlder(const WorkerInfo& worker, Calls* calls) {
  std::vector<std::string> older;
  for (const auto& [id, session] : sessions_) {
    if (session.worker.name != worker.name) continue;
    const std::string& theirs = session.worker.incarnation;
    const bool other =
        !theirs.empty() && !worker.incarnation.empty() && theirs != worker.incarnation;
    const double silent = clock_.Now() - session.seen;
    if (other && silent < kTakeOverLeases * options_.lease_seconds) {
      return absl::AlreadyExistsError(absl::StrCat(
          "another process serves as \"", worker.name, "\" (heard of ", static_cast<int>(silent),
          " s ago); give this worker a name of its own, or wait until that one is gone"));
    }
    older.push_back(id);
  }
  for (const std::string& id : older) EndSession(id, /*lost=*/true, calls);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Dispatcher::OpenSession(const WorkerInfo& worker) {
  Calls calls;
  std::string id;
  absl::Status status;
  {
    std::lock_guard lock(mutex_);
    status = EndOlder(worker, &calls);
    if (status.ok()) {
      id = new_id_();
      sessions_[id] = {.worker = worker, .seen = clock_.Now()};
      if (worker.role != WorkerRole::kBuild) ++offered_[worker.device_key][worker.target];
      Tell([&](FarmObserver& o) { o.OnSessionOpened(worker); });
      if (worker.role == WorkerRole::kRun) ServeWaits(worker.device_key, &calls);  // builders
    }
  }
  for (auto& call : calls) call();
  if (!status.ok()) return status;
  return id;
}

void Dispatcher::CloseSession(const std::string& session) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    EndSession(session, /*lost=*/false, &calls);
  }
  for (auto& call : calls) call();
}

void Dispatcher::EndSession(const std::string& session, bool lost, Calls* calls) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return;
  const Session ended = std::move(it->second);
  sessions_.erase(it);
  Tell([&](FarmObserver& o) { o.OnSessionEnded(ended.worker, lost); });
  if (ended.worker.networks) networks_left_[ended.worker.device_key] = clock_.Now();
  if (ended.worker.role != WorkerRole::kBuild) {
    auto& targets = offered_[ended.worker.device_key];
    if (--targets[ended.worker.target] == 0) targets.erase(ended.worker.target);
    if (targets.empty()) offered_.erase(ended.worker.device_key);
  }
  for (auto wait = waits_.begin(); wait != waits_.end();) {
    const auto current = wait++;
    if (current->session == session) EndWait(current, calls);
  }
  for (const uint64_t id : ended.held) {
    if (attempts_.at(id).state != AttemptState::kLive) continue;
    if (!lost) --attempts_.at(id).trial->losses;  // left in good order
    Lose(id, calls);
  }
}

// ---- waits -------------------------------------------------------------------------------------

uint64_t Dispatcher::Lease(const std::string& session, size_t max_items, double max_wait,
                           Leased leased) {
  absl::StatusOr<std::vector<LeasedTrial>> result;
  {
    std::lock_guard lock(mutex_);
    const auto it = sessions_.find(session);
    if (it == sessions_.end()) {
      result = NoSession(session);
    } else {
      it->second.seen = clock_.Now();
      result = draining_ ? std::vector<LeasedTrial>() : LeaseNow(session, max_items);
      if (result->empty() && !draining_ && max_wait > 0) {
        const uint64_t id = next_id_++;
        waits_.push_back({id, session, max_items, clock_.Now() + max_wait, std::move(leased)});
        return id;
      }
    }
  }
  leased(std::move(result));
  return 0;
}

void Dispatcher::EndWait(std::list<Wait>::iterator wait, Calls* calls) {
  calls->push_back([leased = std::move(wait->leased)] { leased(std::vector<LeasedTrial>()); });
  waits_.erase(wait);
}

void Dispatcher::AbandonWait(uint64_t id) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    const auto wait =
        std::find_if(waits_.begin(), waits_.end(), [id](const Wait& w) { return w.id == id; });
    if (wait != waits_.end()) EndWait(wait, &calls);
  }
  for (auto& call : calls) call();
}

absl::StatusOr<std::vector<uint64_t>> Dispatcher::Renew(const std::string& session,
                                                        const std::vector<uint64_t>& attempts) {
  std::lock_guard lock(mutex_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return NoSession(session);
  it->second.seen = clock_.Now();
  std::vector<uint64_t> dropped;
  for (const uint64_t id : attempts) {
    const auto attempt = attempts_.find(id);
    const bool live = attempt != attempts_.end() && attempt->second.session == session &&
                      attempt->second.state == AttemptState::kLive;
    if (live) {
      attempt->second.deadline = clock_.Now() + options_.lease_seconds;
    } else if (attempt == attempts_.end() || attempt->second.state != AttemptState::kCommitting) {
      dropped.push_back(id);
    }
  }
  return dropped;
}

// ---- time --------------------------------------------------------------------------------------

void Dispatcher::Tick() {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    const double now = clock_.Now();
    for (auto it = waits_.begin(); it != waits_.end();) {
      const auto wait = it++;
      sessions_.at(wait->session).seen = now;
      if (wait->deadline <= now) EndWait(wait, &calls);
    }
    std::vector<uint64_t> expired;
    std::vector<std::string> silent;
    for (const auto& [id, session] : sessions_) {
      for (const uint64_t held : session.held) {
        const Attempt& attempt = attempts_.at(held);
        if (attempt.state == AttemptState::kLive && attempt.deadline <= now) {
          expired.push_back(held);
        }
      }
      if (now - session.seen > options_.lease_seconds + kSessionGraceSeconds) silent.push_back(id);
    }
    for (const uint64_t id : expired) Lose(id, &calls);
    for (const std::string& id : silent) EndSession(id, /*lost=*/true, &calls);
    DropRevoked(&calls);
    UnbuildWhatNobodyRuns();
    // A quarantine may have run out.
    for (const auto& [key, queue] : queues_) {
      if (!queue.empty()) ServeWaits(key, &calls);
    }
    FailTheUnfit(&calls);
  }
  for (auto& call : calls) call();
}

void Dispatcher::Drain() {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    while (!waits_.empty()) EndWait(waits_.begin(), &calls);
  }
  for (auto& call : calls) call();
}

bool Dispatcher::IsDraining() const {
  std::lock_guard lock(mutex_);
  return draining_;
}

// ---- health ------------------------------------------------------------------------------------

absl::Status Dispatcher::SetOwnHealth(const std::string& session, WorkerHealth health,
                                      const std::string& reason) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    const auto it = sessions_.find(session);
    if (it == sessions_.end()) return NoSession(session);
    const WorkerInfo& worker = it->second.worker;
    if (health == WorkerHealth::kBad &&
        health_.View(worker.name, clock_.Now()).health != WorkerHealth::kBad) {
      Tell([&](FarmObserver& o) { o.OnHealth(worker.name, health, reason); });
    }
    health_.OnOwnWord(worker.name, health, reason);
    ServeWaits(worker.device_key, &calls);
  }
  for (auto& call : calls) call();
  return absl::OkStatus();
}

absl::Status Dispatcher::SetHealth(const std::string& worker, WorkerHealth health,
                                   const std::string& reason) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    const auto session = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
      return entry.second.worker.name == worker;
    });
    const bool known = session != sessions_.end() || health_.Knows(worker);
    if (!known) {
      return absl::NotFoundError(absl::StrCat("no worker \"", worker.substr(0, 200),
                                              "\"; `tilewright workers` lists them"));
    }
    health_.OnOperator(worker, health, reason);
    Tell([&](FarmObserver& o) { o.OnHealth(worker, health, reason); });
    if (session != sessions_.end()) ServeWaits(session->second.worker.device_key, &calls);
  }
  for (auto& call : calls) call();
  return absl::OkStatus();
}

HealthView Dispatcher::HealthOf(const std::string& session) const {
  std::lock_guard lock(mutex_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return {};
  return health_.View(it->second.worker.name, clock_.Now());
}

}  // namespace tilewright
