// Builds and runs by different workers: what a builder may be leased, and the modules between.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {
namespace {

// Trials that are being built, wait or run, in those that the runners like to hold: a slow build
// makes no runner wait, and no builder's work lies around for long.
constexpr size_t kAhead = 2;

}  // namespace

// ---- leases ------------------------------------------------------------------------------------

bool Dispatcher::SuitsRole(const QueuedTrial& trial, const WorkerInfo& worker,
                           const BuildRoom& room) const {
  switch (worker.role) {
    case WorkerRole::kBoth: return !trial.module;
    case WorkerRole::kBuild:
      return !trial.module && trial.target == worker.target &&
             trial.request.options.threads <= room.threads;
    case WorkerRole::kRun:
      return trial.module && trial.target == worker.target && !IsRevoked(trial.module->signer);
  }
  return false;
}

// Of all healthy runners together, whatever they hold.
Dispatcher::BuildRoom Dispatcher::RoomOfRunners(const std::string& key,
                                                const std::string& target) const {
  BuildRoom room;
  for (const auto& [id, session] : sessions_) {
    const WorkerInfo& runner = session.worker;
    const bool fits =
        runner.role == WorkerRole::kRun && runner.device_key == key && runner.target == target;
    if (!fits) continue;
    const size_t allowed = health_.Allowance(runner.name, 0, runner.capacity, clock_.Now());
    if (allowed > 0) room.threads = std::max(room.threads, runner.slot_cores);
    room.builds += kAhead * allowed;
  }
  return room;
}

Dispatcher::BuildRoom Dispatcher::RoomOf(const WorkerInfo& builder) const {
  if (module_bytes_ >= options_.module_bytes) return {};
  BuildRoom room = RoomOfRunners(builder.device_key, builder.target);
  const auto apart = apart_.find({builder.device_key, builder.target});
  const size_t taken = apart == apart_.end() ? 0 : apart->second;
  room.builds -= std::min(room.builds, taken);
  return room;
}

size_t Dispatcher::CapacityOf(const std::string& device_key, uint32_t threads) const {
  std::lock_guard lock(mutex_);
  size_t capacity = 0;
  std::set<std::string> built;        // targets
  std::map<std::string, size_t> run;  // by target
  for (const auto& [id, session] : sessions_) {
    const WorkerInfo& worker = session.worker;
    if (worker.device_key != device_key) continue;
    const size_t allowed = health_.Allowance(worker.name, 0, worker.capacity, clock_.Now());
    if (worker.role == WorkerRole::kBuild) {
      if (allowed > 0) built.insert(worker.target);
    } else if (worker.slot_cores >= threads) {
      (worker.role == WorkerRole::kRun ? run[worker.target] : capacity) += allowed;
    }
  }
  for (const std::string& target : built) capacity += kAhead * run[target];
  return capacity;
}

// ---- modules -----------------------------------------------------------------------------------

void Dispatcher::SetApart(QueuedTrial& trial, bool apart) {
  if (trial.apart == apart) return;
  trial.apart = apart;
  const std::pair place(trial.request.device_key, trial.target);
  size_t& count = apart_[place];
  apart ? ++count : --count;
  if (count == 0) apart_.erase(place);
}

// Forgets what was built of it: another worker builds it again, or nobody needs it.
void Dispatcher::Unbuild(QueuedTrial& trial) {
  SetApart(trial, false);
  if (!trial.module) return;
  module_bytes_ -= trial.module->payload.size();
  trial.module.reset();
}

void Dispatcher::UnbuildWaiting(const std::function<bool(const QueuedTrial&)>& matches) {
  for (auto& [key, queue] : queues_) {
    queue.ForEach([&](QueuedTrial& trial) {
      if (matches(trial)) Unbuild(trial);
    });
  }
}

// Where no runner is there or well, a worker that does both may be: what was built for runners
// shall not wait for them.
void Dispatcher::UnbuildWhatNobodyRuns() {
  std::vector<std::pair<std::string, std::string>> nobodys;
  for (const auto& [place, count] : apart_) {
    if (RoomOfRunners(place.first, place.second).builds == 0) nobodys.push_back(place);
  }
  for (const auto& [key, target] : nobodys) {
    UnbuildWaiting([&](const QueuedTrial& trial) {
      return trial.request.device_key == key && trial.target == target;
    });
  }
}

void Dispatcher::KeepModule(const TrialPtr& trial, BuiltModule module, Calls* calls) {
  module_bytes_ += module.payload.size();
  trial->module = std::make_shared<const BuiltModule>(std::move(module));
  trial->state = QueuedTrial::State::kQueued;
  trial->queued = clock_.Now();
  const std::string key = trial->request.device_key;
  queues_[key].PushFront(trial);
  ServeWaits(key, calls);
}

absl::StatusOr<ReportResult> Dispatcher::JudgeBuilt(const BuiltReport& built, Calls* calls) {
  const auto it = attempts_.find(built.attempt);
  if (it == attempts_.end() || it->second.fence != built.fence) return ReportResult::kDiscarded;
  Attempt& attempt = it->second;
  if (!IsReporter(attempt, built.session)) {
    return absl::PermissionDeniedError("the attempt was leased to another session");
  }
  if (attempt.worker.role != WorkerRole::kBuild) {
    return absl::InvalidArgumentError("a module of a worker that does not only build");
  }
  const size_t hash = absl::HashOf(built.module.sha256);
  if (attempt.state == AttemptState::kReported) {
    return attempt.outcome == hash ? ReportResult::kDuplicate : ReportResult::kConflict;
  }
  if (attempt.state != AttemptState::kLive) return ReportResult::kDiscarded;  // built elsewhere
  attempt.outcome = hash;
  const TrialPtr trial = attempt.trial;
  BuiltModule module = built.module;
  module.builder = attempt.worker.name;
  Release(built.attempt, AttemptState::kReported);
  if (const auto session = sessions_.find(built.session); session != sessions_.end()) {
    ++session->second.trials;
  }
  const bool room = module_bytes_ + module.payload.size() <= options_.module_bytes;
  if (!room || paused_.contains(trial->request.job)) {
    Requeue(trial, calls);
    return ReportResult::kRequeued;
  }
  KeepModule(trial, std::move(module), calls);
  return ReportResult::kWaitsForRun;
}

absl::StatusOr<ReportResult> Dispatcher::ReportBuilt(const BuiltReport& built) {
  Calls calls;
  absl::StatusOr<ReportResult> result;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = sessions_.find(built.session); it != sessions_.end()) {
      it->second.seen = clock_.Now();
    }
    result = JudgeBuilt(built, &calls);
    Count(result);
  }
  for (auto& call : calls) call();
  return result;
}

absl::StatusOr<ModulePtr> Dispatcher::ModuleOf(const std::string& session, uint64_t attempt) const {
  std::lock_guard lock(mutex_);
  const auto it = attempts_.find(attempt);
  const bool held = it != attempts_.end() && it->second.session == session &&
                    it->second.state == AttemptState::kLive && it->second.trial->module;
  if (!held) return absl::NotFoundError("the session does not hold this attempt any more");
  const ModulePtr& module = it->second.trial->module;
  if (IsRevoked(module->signer)) return absl::PermissionDeniedError(WhyRevoked(module->builder));
  return module;
}

// ---- revoked builders --------------------------------------------------------------------------

bool Dispatcher::IsRevoked(const std::string& signer) const {
  return !signer.empty() && options_.is_revoked && options_.is_revoked(signer);
}

std::string Dispatcher::WhyRevoked(const std::string& builder) {
  return absl::StrCat("the certificate of ", builder, ", who built it, is revoked");
}

// What waits is built again by others; what runs is the builder's fault, and so built again too.
void Dispatcher::DropRevoked(Calls* calls) {
  if (!options_.is_revoked) return;
  UnbuildWaiting(
      [&](const QueuedTrial& trial) { return trial.module && IsRevoked(trial.module->signer); });
  std::vector<uint64_t> runs;
  for (const auto& [id, session] : sessions_) {
    if (session.worker.role != WorkerRole::kRun) continue;
    for (const uint64_t held : session.held) {
      const Attempt& attempt = attempts_.at(held);
      if (attempt.state == AttemptState::kLive && IsRevoked(attempt.signer)) runs.push_back(held);
    }
  }
  for (const uint64_t id : runs) {
    Fault(id, WhyRevoked(attempts_.at(id).builder), calls, /*of_builder=*/true);
  }
}

// The worker to be blamed for what it built; it may be gone.
WorkerInfo Dispatcher::BuilderOf(const Attempt& attempt) const {
  for (const auto& [id, session] : sessions_) {
    if (session.worker.name == attempt.builder) return session.worker;
  }
  return {.name = attempt.builder, .device_key = attempt.worker.device_key};
}

}  // namespace tilewright
