// Jobs and leases: which trial goes to which worker, and what happens when one does not come back.
#include "tuner/server/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace tilewright {
namespace {

// Ended attempts remembered, so that a repeated report is recognised.
constexpr size_t kRemembered = 16'384;

void RunAll(std::vector<std::function<void()>>& calls) {
  for (auto& call : calls) call();
}

Measured Dropped() { return {.dropped = true}; }

// "cuda -arch=sm_90" is of the kind "cuda".
bool IsOfKind(const std::string& target, const std::string& kind) {
  if (!target.starts_with(kind)) return false;
  return target.size() == kind.size() || target[kind.size()] == ' ';
}

}  // namespace

Dispatcher::Dispatcher(const Clock& clock, const DispatcherOptions& options, NewId new_id,
                       Commit commit)
    : clock_(clock),
      options_(options),
      new_id_(std::move(new_id)),
      commit_(std::move(commit)),
      started_(clock.Now()),
      next_id_(options.first_id),
      health_(options.health) {}

// ---- jobs --------------------------------------------------------------------------------------

void Dispatcher::Submit(TrialRequest request, Measurer::Done done) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    auto trial = std::make_shared<QueuedTrial>();
    trial->request = std::move(request);
    trial->target = ToString(trial->request.task->target);
    trial->done = std::move(done);
    trial->submitted = trial->queued = clock_.Now();
    const std::string key = trial->request.device_key;
    queues_[key].Push(std::move(trial));
    ServeWaits(key, &calls);
  }
  RunAll(calls);
}

void Dispatcher::CancelJob(const std::string& job) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    paused_.erase(job);
    for (auto& [id, attempt] : attempts_) {
      const bool commits = attempt.state == AttemptState::kCommitting &&
                           attempt.before_commit == AttemptState::kLive;
      if (attempt.trial->request.job != job) continue;
      if (!commits && attempt.state != AttemptState::kLive) continue;
      attempt.state = AttemptState::kLive;
      Release(id, AttemptState::kCancelled);
      if (commits) {  // what is being stored is late
        attempt.state = AttemptState::kCommitting;
        attempt.before_commit = AttemptState::kCancelled;
      }
      Finish(attempt.trial, Dropped(), &calls);
    }
    for (auto& [key, queue] : queues_) {
      for (const TrialPtr& trial : queue.RemoveAll(job)) Finish(trial, Dropped(), &calls);
    }
  }
  RunAll(calls);
}

void Dispatcher::DropWaiting(const std::string& job) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    for (auto& [key, queue] : queues_) {
      for (const TrialPtr& trial : queue.RemoveAll(job)) Finish(trial, Dropped(), &calls);
    }
  }
  RunAll(calls);
}

void Dispatcher::PauseJob(const std::string& job, bool paused) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    if (paused) {
      paused_.insert(job);
      UnbuildWaiting([&](const QueuedTrial& trial) { return trial.request.job == job; });
    } else if (paused_.erase(job) > 0) {
      for (const auto& [key, queue] : queues_) ServeWaits(key, &calls);
    }
  }
  RunAll(calls);
}

void Dispatcher::SetWeight(const std::string& job, uint32_t weight) {
  std::lock_guard lock(mutex_);
  for (auto& [key, queue] : queues_) queue.SetWeight(job, weight);
}

void Dispatcher::Finish(const TrialPtr& trial, Measured measured, Calls* calls) {
  if (trial->state == QueuedTrial::State::kDone) return;
  trial->state = QueuedTrial::State::kDone;
  Unbuild(*trial);
  const double elapsed = clock_.Now() - trial->submitted;
  measured.queue_seconds = std::max(0.0, elapsed - measured.build_seconds - measured.run_seconds);
  calls->push_back([done = std::move(trial->done), measured = std::move(measured)]() mutable {
    done(std::move(measured));
  });
}

// ---- leases ------------------------------------------------------------------------------------

// A worker of the trial's own target is preferred: that another one came under the key, by mistake
// or in bad faith, changes nothing for those who are there. A kernel for one kind of device never
// goes to another kind.
bool Dispatcher::CanTake(const QueuedTrial& trial, const WorkerInfo& worker) const {
  if (trial.request.network && !worker.networks) return false;
  const bool runs = worker.role != WorkerRole::kBuild;
  if (runs && trial.request.options.threads > worker.slot_cores) return false;
  if (!IsOfKind(worker.target, trial.request.task->target.kind)) return false;
  if (trial.target == worker.target) return true;
  const auto key = offered_.find(worker.device_key);
  return key == offered_.end() || !key->second.contains(trial.target);
}

// A trial that brought a worker down, or that failed there by the worker's fault, goes elsewhere
// while there is an elsewhere: a healthy worker of the key and role of which neither is true.
bool Dispatcher::MayTake(const QueuedTrial& trial, const WorkerInfo& worker) const {
  if (!CanTake(trial, worker)) return false;
  const auto failed_on = [&](const std::string& name) {
    return trial.lost_on.contains(name) || trial.faulted_on.contains(name);
  };
  if (!failed_on(worker.name)) return true;
  return std::none_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const WorkerInfo& other = entry.second.worker;
    return other.device_key == worker.device_key && other.role == worker.role &&
           !failed_on(other.name) && health_.Allowance(other.name, 0, 1, clock_.Now()) > 0 &&
           CanTake(trial, other);
  });
}

std::vector<LeasedTrial> Dispatcher::LeaseNow(const std::string& session, size_t max_items) {
  Session& holder = sessions_.at(session);
  std::vector<LeasedTrial> leased;
  const auto queue = queues_.find(holder.worker.device_key);
  if (queue == queues_.end()) return leased;
  const bool builds = holder.worker.role == WorkerRole::kBuild;
  const BuildRoom room = builds ? RoomOf(holder.worker) : BuildRoom{};
  size_t allowed =
      health_.Allowance(holder.worker.name, holder.held.size(), max_items, clock_.Now());
  if (builds) allowed = std::min(allowed, room.builds);
  while (leased.size() < allowed) {
    const TrialPtr trial = queue->second.Take(
        [&](const std::string& job) { return !paused_.contains(job); },
        [&](const QueuedTrial& candidate) {
          return SuitsRole(candidate, holder.worker, room) && MayTake(candidate, holder.worker);
        });
    if (!trial) break;
    const uint64_t id = NewAttempt(trial, session);
    leased.push_back(
        {id, trial->fence, trial->request, trial->module ? trial->module->sha256 : ""});
    if (trial->request.network) break;  // one fills a message
  }
  return leased;
}

uint64_t Dispatcher::NewAttempt(const TrialPtr& trial, const std::string& session) {
  Session& holder = sessions_.at(session);
  const uint64_t id = next_id_++;
  trial->state = QueuedTrial::State::kLeased;
  trial->attempt = id;
  Attempt& attempt = attempts_[id] = {.trial = trial,
                                      .session = session,
                                      .worker = holder.worker,
                                      .fence = ++trial->fence,
                                      .deadline = clock_.Now() + options_.lease_seconds};
  if (trial->module) {
    attempt.builder = trial->module->builder;
    attempt.signer = trial->module->signer;
    attempt.build_seconds = trial->module->build_seconds;
  }
  if (holder.worker.role == WorkerRole::kBuild) SetApart(*trial, true);
  holder.held.insert(id);
  const double waited = clock_.Now() - trial->queued;
  Tell([&](FarmObserver& o) { o.OnLeased(ViewOf(id, attempt), waited); });
  ++counts_.leased;
  return id;
}

void Dispatcher::ServeWaits(const std::string& key, Calls* calls) {
  const auto queue = queues_.find(key);
  if (draining_ || queue == queues_.end()) return;
  // Thousands may wait where there is one trial.
  for (auto it = waits_.begin(); it != waits_.end() && queue->second.pending() > 0;) {
    const auto wait = it++;
    if (sessions_.at(wait->session).worker.device_key != key) continue;
    std::vector<LeasedTrial> leased = LeaseNow(wait->session, wait->max_items);
    if (leased.empty()) continue;
    calls->push_back([call = std::move(wait->leased), leased = std::move(leased)]() mutable {
      call(std::move(leased));
    });
    waits_.erase(wait);
  }
}

// Takes a live attempt out of its session and its job's share.
void Dispatcher::Release(uint64_t id, AttemptState state) {
  Attempt& attempt = attempts_.at(id);
  TW_CHECK(attempt.state == AttemptState::kLive) << "attempt " << id << " is not live";
  attempt.state = state;
  queues_.at(attempt.trial->request.device_key).Ended(attempt.trial->request);
  if (const auto session = sessions_.find(attempt.session); session != sessions_.end()) {
    session->second.held.erase(id);
  }
  attempt.trial->attempt = 0;
  Forget(id);
}

void Dispatcher::Forget(uint64_t id) {
  ended_.push_back(id);
  while (ended_.size() > kRemembered) {
    attempts_.erase(ended_.front());
    ended_.pop_front();
  }
}

void Dispatcher::Requeue(const TrialPtr& trial, Calls* calls) {
  Unbuild(*trial);
  trial->state = QueuedTrial::State::kQueued;
  trial->queued = clock_.Now();
  const std::string key = trial->request.device_key;
  queues_[key].PushFront(trial);
  ServeWaits(key, calls);
}

void Dispatcher::Lose(uint64_t id, Calls* calls) {
  const TrialPtr trial = attempts_.at(id).trial;
  trial->lost_on.insert(attempts_.at(id).worker.name);
  Release(id, AttemptState::kLost);
  Tell([&](FarmObserver& o) { o.OnLost(ViewOf(id, attempts_.at(id))); });
  ++counts_.lost;
  if (++trial->losses < options_.max_losses) return Requeue(trial, calls);
  Finish(trial,
         {.outcome = Failure{FailureKind::kUnknown,
                             absl::StrCat("lost ", trial->losses, " times, with the workers ",
                                          absl::StrJoin(trial->lost_on, ", "))}},
         calls);
}

void Dispatcher::Fault(uint64_t id, const std::string& reason, Calls* calls, bool of_builder) {
  const Attempt& attempt = attempts_.at(id);
  const TrialPtr trial = attempt.trial;
  of_builder = of_builder && !attempt.builder.empty();
  const WorkerInfo worker = of_builder ? BuilderOf(attempt) : attempt.worker;
  trial->faulted_on.insert(worker.name);
  Release(id, AttemptState::kFaulted);
  ++counts_.faults;
  const bool quarantined = health_.OnFault(worker.name, reason, clock_.Now());
  if (quarantined) ++counts_.quarantines;
  Tell([&](FarmObserver& o) { o.OnFault({id, trial->request, worker}, reason, quarantined); });
  const std::string told = absl::StrCat(worker.name, ": ", reason);
  if (++trial->faults < options_.max_losses) {
    Requeue(trial, calls);
  } else {
    Finish(trial, {.fault = told}, calls);
  }
}

// Empty while a worker of the key is fit, or there is none: one may still come.
std::string Dispatcher::WhyNobodyIsFit(const std::string& key) const {
  std::string why;
  for (const auto& [id, session] : sessions_) {
    if (session.worker.device_key != key) continue;
    const HealthView view = health_.View(session.worker.name, clock_.Now());
    if (view.health == WorkerHealth::kGood || view.health == WorkerHealth::kUnknown) return "";
    why = absl::StrCat(session.worker.name, ": ", view.reason);
  }
  return why;
}

void Dispatcher::FailTheUnfit(Calls* calls) {
  if (options_.unfit_seconds == 0) return;
  for (auto& [key, queue] : queues_) {
    const std::string why = WhyNobodyIsFit(key);
    if (why.empty()) {
      unfit_since_.erase(key);
      continue;
    }
    const double since = unfit_since_.try_emplace(key, clock_.Now()).first->second;
    if (clock_.Now() - since < options_.unfit_seconds) continue;
    for (const TrialPtr& trial : queue.RemoveAll("")) Finish(trial, {.fault = why}, calls);
  }
}

}  // namespace tilewright
