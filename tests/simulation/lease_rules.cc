#include "tests/simulation/lease_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

// The first quarantine (tuner/server/dispatch/health_book.h).
constexpr double kQuarantineSeconds = 60;
// Trials that a user may be served before another one whose trial waits: what a share may catch up
// on (tuner/server/dispatch/fair_queue.cc), one for the order of the names and one for the
// rounding.
constexpr size_t kMostAhead = 18;
constexpr size_t kKeptLeases = 4000;

}  // namespace

void LeaseRules::OnServerStarted(std::function<bool()> alive) {
  alive_ = std::move(alive);
  live_.clear();
  holder_.clear();
  seen_.clear();
  taken_.clear();
  fitness_.clear();  // in the server's memory
}

void LeaseRules::OnOwnWord(const std::string& worker, bool good) {
  Fitness& fitness = fitness_[worker];
  if (good && fitness.says_bad) fitness.quarantined_until = 0;
  fitness.says_bad = !good;
}

void LeaseRules::OnOperator(const std::string& worker, bool good) {
  if (good) {
    fitness_.erase(worker);
  } else {
    fitness_[worker].drained = true;
  }
}

void LeaseRules::End(uint64_t attempt) {
  const auto it = live_.find(attempt);
  if (it == live_.end()) return;
  const auto holder = holder_.find(it->second);
  if (holder != holder_.end() && holder->second == attempt) holder_.erase(holder);
  live_.erase(it);
}

void LeaseRules::EndAll(const std::string& job) {
  if (!alive_()) return;
  std::erase_if(live_, [&](const auto& entry) { return entry.second.first == job; });
  std::erase_if(holder_, [&](const auto& entry) { return entry.first.first == job; });
  ended_.insert(job);
}

void LeaseRules::CheckWorker(const AttemptView& attempt) {
  const std::string& worker = attempt.worker.name;
  const Fitness& fitness = fitness_[worker];
  if (fitness.says_bad || fitness.drained || world_.Now() < fitness.quarantined_until) {
    witness_.Violate(worker + " was leased a trial while it was unfit");
  }
  if (attempt.worker.device_key != attempt.request.device_key) {
    witness_.Violate(worker + " was leased a trial of another key");
  }
  if (attempt.request.network && !attempt.worker.networks) {
    witness_.Violate(worker + " was leased a whole network, which it does not take");
  }
}

// Nobody is served much more often than a user whose trial waits meanwhile.
void LeaseRules::CheckShare(const AttemptView& attempt, double waited) {
  const TrialRequest& request = attempt.request;
  const double since = world_.Now() - waited;
  size_t own = 0;
  std::map<std::string, size_t> others;
  for (auto it = taken_.rbegin(); it != taken_.rend() && it->at > since; ++it) {
    if (it->key != request.device_key) continue;
    it->owner == request.owner ? ++own : ++others[it->owner];
  }
  for (const auto& [owner, count] : others) {
    if (count <= own + kMostAhead) continue;
    witness_.Violate(absl::StrCat(owner, " was leased ", count, " trials while one of ",
                                  request.owner, " waited, who was leased ", own));
  }
}

void LeaseRules::OnLeased(const AttemptView& attempt, double waited) {
  if (!alive_()) return;
  ++leases_;
  const TrialName trial = NameOf(attempt);
  world_.Tell(absl::StrCat("lease ", attempt.attempt, " ", trial.first, "#", trial.second, " to ",
                           attempt.worker.name));
  const auto what = [&] { return absl::StrCat("trial ", trial.second, " of ", trial.first); };
  if (holder_.contains(trial)) witness_.Violate(what() + " is leased twice");
  if (results_.contains(trial)) witness_.Violate(what() + " is leased after its result");
  if (ended_.contains(trial.first)) witness_.Violate(what() + " is leased after the job's end");
  if (witness_.IsPaused(trial.first)) witness_.Violate(what() + " is leased in a pause");
  CheckWorker(attempt);
  const bool shares = attempt.worker.role != WorkerRole::kRun;
  // A whole network waits for one of the few workers that take it, whoever is served meanwhile.
  if (shares && !attempt.request.network && seen_.insert(trial).second &&
      !was_paused_.contains(trial.first)) {
    CheckShare(attempt, waited);
  }
  live_[attempt.attempt] = trial;
  holder_[trial] = attempt.attempt;
  if (shares) {
    taken_.push_back(
        {world_.Now(), attempt.request.device_key, attempt.request.owner, trial.first});
  }
  if (taken_.size() > kKeptLeases) taken_.pop_front();
}

void LeaseRules::OnRecorded(const AttemptView& attempt, const Measured& measured, bool late) {
  if (!alive_()) return;
  const TrialName trial = NameOf(attempt);
  world_.Tell(absl::StrCat("recorded ", attempt.attempt, late ? " late" : ""));
  End(attempt.attempt);
  if (const auto holder = holder_.find(trial); holder != holder_.end()) End(holder->second);
  results_.insert(trial);
  // Who measures, or has built what was measured, is well again.
  for (const std::string* worker : {&attempt.worker.name, &measured.builder}) {
    fitness_[*worker].quarantined_until = 0;
  }
}

void LeaseRules::OnLost(const AttemptView& attempt) {
  if (!alive_()) return;
  ++lost_;
  world_.Tell(absl::StrCat("lost ", attempt.attempt));
  End(attempt.attempt);
}

void LeaseRules::OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) {
  if (!alive_()) return;
  ++faults_;
  world_.Tell(absl::StrCat("fault ", attempt.attempt, " of ", attempt.worker.name, ": ", reason));
  End(attempt.attempt);
  if (!quarantined) return;
  ++quarantines_;
  double& until = fitness_[attempt.worker.name].quarantined_until;
  until = std::max(until, world_.Now() + kQuarantineSeconds);
}

}  // namespace tilewright
