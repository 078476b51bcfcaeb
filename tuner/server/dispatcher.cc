#include "tuner/server/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/rng.h"

namespace tilewright {
namespace {

// Ended attempts remembered, so that a repeated report is recognised.
constexpr size_t kRemembered = 16'384;
// A session may be silent for a lease and this much more before it is dropped.
constexpr double kSessionGraceSeconds = 10;

void RunAll(std::vector<std::function<void()>>& calls) {
  for (auto& call : calls) call();
}

absl::Status NoSession(const std::string& session) {
  return absl::NotFoundError(
      absl::StrCat("session ", session.substr(0, 40), " is unknown or over; open another"));
}

}  // namespace

Dispatcher::Dispatcher(const Clock& clock, const DispatcherOptions& options, uint64_t seed,
                       Commit commit)
    : clock_(clock), options_(options), commit_(std::move(commit)), id_state_(seed) {}

// ---- jobs --------------------------------------------------------------------------------------

void Dispatcher::Submit(TrialRequest request, Measurer::Done done) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    auto trial = std::make_shared<Trial>();
    trial->request = std::move(request);
    trial->done = std::move(done);
    trial->submitted = clock_.Now();
    const std::string key = trial->request.device_key;
    shares_[key][trial->request.job].queue.push_back(std::move(trial));
    ServeWaits(key, &calls);
  }
  RunAll(calls);
}

void Dispatcher::CancelJob(const std::string& job) {
  Calls calls;
  const auto cancelled = [] {
    return Measured{.outcome = Failure{FailureKind::kUnknown, "the job was cancelled"}};
  };
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, attempt] : attempts_) {
      if (attempt.trial->request.job != job || attempt.state != AttemptState::kLive) continue;
      Release(id, AttemptState::kCancelled);
      Finish(attempt.trial, cancelled(), &calls);
    }
    for (auto& [key, jobs] : shares_) {
      const auto share = jobs.find(job);
      if (share == jobs.end()) continue;
      for (auto& trial : std::exchange(share->second.queue, {})) {
        Finish(trial, cancelled(), &calls);
      }
      if (share->second.running == 0) jobs.erase(share);
    }
  }
  RunAll(calls);
}

size_t Dispatcher::CapacityOf(const std::string& device_key) const {
  std::lock_guard lock(mutex_);
  size_t capacity = 0;
  for (const auto& [id, session] : sessions_) {
    if (session.worker.device_key == device_key) capacity += session.worker.capacity;
  }
  return capacity;
}

void Dispatcher::Finish(const std::shared_ptr<Trial>& trial, Measured measured, Calls* calls) {
  if (trial->state == TrialState::kDone) return;
  trial->state = TrialState::kDone;
  const double elapsed = clock_.Now() - trial->submitted;
  measured.queue_seconds = std::max(0.0, elapsed - measured.build_seconds - measured.run_seconds);
  calls->push_back([done = std::move(trial->done), measured = std::move(measured)]() mutable {
    done(std::move(measured));
  });
}

// ---- sessions ----------------------------------------------------------------------------------

std::string Dispatcher::NewSessionId() {
  Rng rng(id_state_);
  const uint64_t high = rng.Next();
  const uint64_t low = rng.Next();
  id_state_ = rng.Next();
  return absl::StrCat(absl::Hex(high, absl::kZeroPad16), absl::Hex(low, absl::kZeroPad16));
}

std::string Dispatcher::OpenSession(const WorkerInfo& worker) {
  Calls calls;
  std::string id;
  {
    std::lock_guard lock(mutex_);
    for (auto it = sessions_.begin(); it != sessions_.end();) {
      const std::string older = it->first;
      const bool same = it->second.worker.name == worker.name;
      ++it;
      if (same) EndSession(older, /*lost=*/true, &calls);
    }
    id = NewSessionId();
    sessions_[id] = {.worker = worker, .seen = clock_.Now()};
  }
  RunAll(calls);
  return id;
}

void Dispatcher::CloseSession(const std::string& session) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    EndSession(session, /*lost=*/false, &calls);
  }
  RunAll(calls);
}

void Dispatcher::EndSession(const std::string& session, bool lost, Calls* calls) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return;
  const Session ended = std::move(it->second);
  sessions_.erase(it);
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

// ---- leases ------------------------------------------------------------------------------------

bool Dispatcher::MayTake(const Trial& trial, const WorkerInfo& worker) const {
  if (!trial.lost_on.contains(worker.name)) return true;
  return std::none_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const WorkerInfo& other = entry.second.worker;
    return other.device_key == worker.device_key && !trial.lost_on.contains(other.name);
  });
}

// From the job with the fewest running trials; among equals, the one served longest ago.
std::shared_ptr<Dispatcher::Trial> Dispatcher::TakeTrial(const WorkerInfo& worker) {
  const auto jobs = shares_.find(worker.device_key);
  if (jobs == shares_.end()) return nullptr;
  Share* best = nullptr;
  std::deque<std::shared_ptr<Trial>>::iterator best_trial;
  for (auto& [job, share] : jobs->second) {
    const auto trial = std::find_if(share.queue.begin(), share.queue.end(),
                                    [&](const auto& t) { return MayTake(*t, worker); });
    if (trial == share.queue.end()) continue;
    if (!best ||
        std::pair(share.running, share.last_served) < std::pair(best->running, best->last_served)) {
      best = &share;
      best_trial = trial;
    }
  }
  if (!best) return nullptr;
  std::shared_ptr<Trial> trial = *best_trial;
  best->queue.erase(best_trial);
  ++best->running;
  best->last_served = ++served_;
  return trial;
}

std::vector<LeasedTrial> Dispatcher::LeaseNow(const std::string& session, size_t max_items) {
  Session& holder = sessions_.at(session);
  std::vector<LeasedTrial> leased;
  while (leased.size() < max_items) {
    std::shared_ptr<Trial> trial = TakeTrial(holder.worker);
    if (!trial) break;
    const uint64_t id = next_id_++;
    trial->state = TrialState::kLeased;
    trial->attempt = id;
    leased.push_back({id, ++trial->fence, trial->request});
    attempts_[id] = {.trial = trial,
                     .session = session,
                     .worker = holder.worker,
                     .fence = trial->fence,
                     .deadline = clock_.Now() + options_.lease_seconds};
    holder.held.insert(id);
  }
  return leased;
}

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
  RunAll(calls);
}

void Dispatcher::ServeWaits(const std::string& key, Calls* calls) {
  for (auto it = waits_.begin(); it != waits_.end();) {
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

// Takes a live attempt out of its session and its job's share.
void Dispatcher::Release(uint64_t id, AttemptState state) {
  Attempt& attempt = attempts_.at(id);
  TW_CHECK(attempt.state == AttemptState::kLive) << "attempt " << id << " is not live";
  attempt.state = state;
  const TrialRequest& request = attempt.trial->request;
  --shares_.at(request.device_key).at(request.job).running;
  DropEmptyShare(request);
  if (const auto session = sessions_.find(attempt.session); session != sessions_.end()) {
    session->second.held.erase(id);
  }
  attempt.trial->attempt = 0;
  Forget(id);
}

void Dispatcher::DropEmptyShare(const TrialRequest& request) {
  auto& jobs = shares_.at(request.device_key);
  const auto share = jobs.find(request.job);
  if (share->second.running == 0 && share->second.queue.empty()) jobs.erase(share);
}

void Dispatcher::Forget(uint64_t id) {
  ended_.push_back(id);
  while (ended_.size() > kRemembered) {
    attempts_.erase(ended_.front());
    ended_.pop_front();
  }
}

void Dispatcher::Lose(uint64_t id, Calls* calls) {
  const std::shared_ptr<Trial> trial = attempts_.at(id).trial;
  trial->lost_on.insert(attempts_.at(id).worker.name);
  Release(id, AttemptState::kLost);
  if (++trial->losses >= options_.max_losses) {
    Finish(trial,
           {.outcome = Failure{FailureKind::kUnknown,
                               absl::StrCat("lost ", trial->losses, " times, with the workers ",
                                            absl::StrJoin(trial->lost_on, ", "))}},
           calls);
    return;
  }
  trial->state = TrialState::kQueued;
  const std::string key = trial->request.device_key;
  shares_[key][trial->request.job].queue.push_front(trial);
  ServeWaits(key, calls);
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
    for (const auto& [id, session] : sessions_) {
      for (const uint64_t held : session.held) {
        const Attempt& attempt = attempts_.at(held);
        if (attempt.state == AttemptState::kLive && attempt.deadline <= now) {
          expired.push_back(held);
        }
      }
    }
    for (const uint64_t id : expired) Lose(id, &calls);
    std::vector<std::string> silent;
    for (const auto& [id, session] : sessions_) {
      if (now - session.seen > options_.lease_seconds + kSessionGraceSeconds) silent.push_back(id);
    }
    for (const std::string& id : silent) EndSession(id, /*lost=*/true, &calls);
  }
  RunAll(calls);
}

void Dispatcher::Drain() {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    while (!waits_.empty()) EndWait(waits_.begin(), &calls);
  }
  RunAll(calls);
}

// ---- views -------------------------------------------------------------------------------------

std::vector<WorkerView> Dispatcher::Workers() const {
  std::lock_guard lock(mutex_);
  std::vector<WorkerView> views;
  for (const auto& [id, session] : sessions_) {
    views.push_back({session.worker, session.held.size(), clock_.Now() - session.seen});
  }
  std::sort(views.begin(), views.end(),
            [](const auto& a, const auto& b) { return a.info.name < b.info.name; });
  return views;
}

std::vector<KeyView> Dispatcher::Keys() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, KeyView> keys;
  for (const auto& [id, session] : sessions_) {
    KeyView& view = keys[session.worker.device_key];
    view.total += session.worker.slots;
    view.free += session.worker.slots - std::min<size_t>(session.worker.slots, session.held.size());
  }
  for (const auto& [key, jobs] : shares_) {
    for (const auto& [job, share] : jobs) keys[key].pending += share.queue.size();
  }
  std::vector<KeyView> views;
  for (auto& [key, view] : keys) {
    view.key = key;
    views.push_back(view);
  }
  return views;
}

}  // namespace tilewright
