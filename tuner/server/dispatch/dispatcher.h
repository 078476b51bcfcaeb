// Gives trials to workers: sessions, leases, fences, retries, fair shares, health. No gRPC, no
// store, no threads of its own; time comes from the clock, durability from the commit function.
// Thread-safe. At-least-once execution, exactly-once effect: `done` of a trial is called exactly
// once. A trial whose worker vanishes or fails by its own fault goes to another, at most
// max_losses times. Callbacks run on the caller's thread without the lock held; they may call back.
//
// A worker without a role builds and runs a trial in one lease. One that only builds is leased the
// builds of those that only run, of its key and target, some ahead of them; what it built waits
// here, in memory, for one of them. A trial that is lost or fails on the way, or whose builder's
// certificate is revoked, is built again.
//
// A whole network is timed by a worker that takes such and does both; what that told goes to `done`
// and is no measurement to be committed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "tuner/server/dispatch/fair_queue.h"
#include "tuner/server/dispatch/farm_observer.h"
#include "tuner/server/dispatch/health_book.h"
#include "tuner/server/dispatch/trial.h"

namespace tilewright {

struct DispatcherOptions {
  double lease_seconds = 30;
  int max_losses = 3;  // and as many faults
  HealthOptions health;
  // A key whose every worker was unfit for so long fails its trials: for a farm of one machine,
  // where nobody would come to mend it. 0 = never.
  double unfit_seconds = 0;
  size_t module_bytes = 256 << 20;  // of all modules that wait or run
  // Is the certificate of this serial revoked? What it has signed is not run, and no result of it
  // counts. Called under the dispatcher's lock; null: none is.
  std::function<bool(const std::string& serial)> is_revoked;
  // Of the first attempt; ids that no other run of the server gave keep epochs apart.
  uint64_t first_id = 1;
  std::vector<FarmObserver*> observers;  // outlive the dispatcher
};

struct WorkerView {
  WorkerInfo info;
  size_t held = 0;
  double seconds_since_seen = 0;
  HealthView health;
  uint64_t trials = 0;  // recorded in this session
};
struct KeyView {
  std::string key;
  size_t total = 0, free = 0, pending = 0;  // slots, slots, trials
};
// What happened since the server's start.
struct DispatcherCounts {
  uint64_t leased = 0, recorded = 0, late = 0, duplicates = 0, conflicts = 0, discarded = 0;
  uint64_t lost = 0, faults = 0, quarantines = 0;
};

class Dispatcher {
 public:
  using Then = std::function<void(absl::Status)>;
  // Makes a measurement durable and calls `then`, on any thread.
  using Commit = std::function<void(FinishedTrial, Then then)>;
  using Leased = std::function<void(absl::StatusOr<std::vector<LeasedTrial>>)>;
  using Reported = std::function<void(absl::StatusOr<ReportResult>)>;
  // A session's id, which nobody can guess.
  using NewId = std::function<std::string()>;

  // `clock` outlives the dispatcher.
  Dispatcher(const Clock& clock, const DispatcherOptions& options, NewId new_id, Commit commit);

  // ---- jobs
  void Submit(TrialRequest request, Measurer::Done done);
  // Its unfinished trials are done as dropped; reports that still come are kept as late.
  void CancelJob(const std::string& job);
  // Its waiting trials are done as dropped; what is leased goes on.
  void DropWaiting(const std::string& job);
  // Its waiting trials are not leased until it is resumed.
  void PauseJob(const std::string& job, bool paused);
  void SetWeight(const std::string& job, uint32_t weight);
  // Trials of so many threads that keep the healthy workers of a key busy; 0 = there is none that
  // builds, or none that runs.
  size_t CapacityOf(const std::string& device_key, uint32_t threads = 1) const;
  // Whether a worker takes such a network. Unavailable: it may come, or come back; since the last
  // one left or, where the key has no worker at all, since the server began no three leases have
  // passed. FailedPrecondition: it is not to be waited for.
  absl::Status MayTimeNetwork(const TrialRequest& network) const;

  // ---- workers
  // Ends an older session of the same process: its trials count as lost. AlreadyExists while
  // another process that is alive serves under this name.
  absl::StatusOr<std::string> OpenSession(const WorkerInfo& worker);
  void CloseSession(const std::string& session);
  // Calls `leased` once: now if there is work, else when there is or after max_wait with nothing.
  // NotFound: no such session. The result identifies the wait for AbandonWait; 0 = already called.
  uint64_t Lease(const std::string& session, size_t max_items, double max_wait, Leased leased);
  // The peer is gone: `leased` is called with nothing.
  void AbandonWait(uint64_t wait);
  // Prolongs the leases of `attempts`; returns those to be dropped.
  absl::StatusOr<std::vector<uint64_t>> Renew(const std::string& session,
                                              const std::vector<uint64_t>& attempts);
  // PermissionDenied: the attempt was leased to another process. Unavailable: the commit failed,
  // report again. Else `reported` comes after the commit.
  void Report(const TrialReport& report, Reported reported);
  // Gives the trial to another worker and counts against this one. Statuses as of Report. One that
  // withdraws keeps results from being recorded; kConflict or kDiscarded: there may be a record.
  absl::StatusOr<ReportResult> ReportFault(const FaultReport& fault);
  // Keeps the module for a runner; kRequeued: there is no room for it. InvalidArgument: the worker
  // is not one that only builds. Other statuses as of Report.
  absl::StatusOr<ReportResult> ReportBuilt(const BuiltReport& built);
  // Ends the trial of a network with what its worker told. InvalidArgument: the attempt is of a
  // kernel. A report that comes when the lease is over is discarded. Other statuses as of Report.
  absl::StatusOr<ReportResult> ReportNetwork(const NetworkReport& report);
  // The module that a session was leased; NotFound when it does not hold the attempt any more,
  // PermissionDenied when its builder's certificate is revoked.
  absl::StatusOr<ModulePtr> ModuleOf(const std::string& session, uint64_t attempt) const;

  // ---- health
  // What the worker of a session says of itself: kGood or kBad. NotFound: no such session.
  absl::Status SetOwnHealth(const std::string& session, WorkerHealth health,
                            const std::string& reason);
  // What an operator decides: kGood, kMaintenance or kRetired. NotFound: no such worker is known.
  absl::Status SetHealth(const std::string& worker, WorkerHealth health, const std::string& reason);
  // kGood for a session that is over.
  HealthView HealthOf(const std::string& session) const;

  // Expires leases, waits and silent sessions. Call about once a second.
  void Tick();
  // Answers all waits with nothing, now and from now on.
  void Drain();
  bool IsDraining() const;

  // ---- views
  std::vector<WorkerView> Workers() const;
  std::vector<KeyView> Keys() const;
  DispatcherCounts Counts() const;

 private:
  enum class AttemptState { kLive, kCommitting, kReported, kLost, kFaulted, kCancelled };
  struct Attempt {
    TrialPtr trial;
    std::string session;
    WorkerInfo worker;
    uint64_t fence = 0;
    double deadline = 0;
    AttemptState state = AttemptState::kLive;
    AttemptState before_commit = AttemptState::kLive;
    size_t outcome = 0;      // hash of what was reported
    bool withdrawn = false;  // whatever is reported of it is not to be recorded
    std::string builder;     // of the module it runs; empty: none
    std::string signer;      // as BuiltModule's
    double build_seconds = 0;
  };
  struct Session {
    WorkerInfo worker;
    double seen = 0;
    std::set<uint64_t> held;
    uint64_t trials = 0;
  };
  struct Wait {
    uint64_t id = 0;
    std::string session;
    size_t max_items = 0;
    double deadline = 0;
    Leased leased;
  };
  using Calls = std::vector<std::function<void()>>;

  // What a builder may be leased: so many builds, of kernels of so many threads.
  struct BuildRoom {
    size_t builds = 0;
    uint32_t threads = 0;
  };

  bool MayTake(const QueuedTrial& trial, const WorkerInfo& worker) const;
  bool SuitsRole(const QueuedTrial& trial, const WorkerInfo& worker, const BuildRoom& room) const;
  BuildRoom RoomOfRunners(const std::string& key, const std::string& target) const;
  BuildRoom RoomOf(const WorkerInfo& builder) const;
  uint64_t NewAttempt(const TrialPtr& trial, const std::string& session);
  bool CanTake(const QueuedTrial& trial, const WorkerInfo& worker) const;
  std::vector<LeasedTrial> LeaseNow(const std::string& session, size_t max_items);
  void ServeWaits(const std::string& key, Calls* calls);
  void EndWait(std::list<Wait>::iterator wait, Calls* calls);
  void Release(uint64_t attempt, AttemptState state);
  void Lose(uint64_t attempt, Calls* calls);
  void Fault(uint64_t attempt, const std::string& reason, Calls* calls, bool of_builder = false);
  WorkerInfo BuilderOf(const Attempt& attempt) const;
  void SetApart(QueuedTrial& trial, bool apart);
  void Unbuild(QueuedTrial& trial);
  void UnbuildWaiting(const std::function<bool(const QueuedTrial&)>& matches);
  void UnbuildWhatNobodyRuns();
  bool IsRevoked(const std::string& signer) const;
  static std::string WhyRevoked(const std::string& builder);
  void DropRevoked(Calls* calls);
  void Requeue(const TrialPtr& trial, Calls* calls);
  std::string WhyNobodyIsFit(const std::string& key) const;
  void FailTheUnfit(Calls* calls);
  absl::Status EndOlder(const WorkerInfo& worker, Calls* calls);
  void EndSession(const std::string& session, bool lost, Calls* calls);
  void Finish(const TrialPtr& trial, Measured measured, Calls* calls);
  bool IsReporter(const Attempt& attempt, const std::string& session) const;
  absl::StatusOr<ReportResult> Judge(const TrialReport& report, FinishedTrial* finished);
  absl::StatusOr<ReportResult> JudgeFault(const FaultReport& fault, Calls* calls);
  absl::StatusOr<ReportResult> JudgeBuilt(const BuiltReport& built, Calls* calls);
  absl::StatusOr<ReportResult> JudgeNetwork(const NetworkReport& report, Calls* calls);
  void KeepModule(const TrialPtr& trial, BuiltModule module, Calls* calls);
  void Committed(const TrialReport& report, const absl::Status& status, const Reported& reported);
  void Settle(uint64_t attempt, const Measured& measured, Calls* calls);
  void Forget(uint64_t attempt);
  template <typename Event>
  void Tell(const Event& event) const {
    for (FarmObserver* observer : options_.observers) event(*observer);
  }
  static AttemptView ViewOf(uint64_t id, const Attempt& attempt) {
    return {id, attempt.trial->request, attempt.worker};
  }
  void Count(const absl::StatusOr<ReportResult>& result);

  const Clock& clock_;
  const DispatcherOptions options_;
  const NewId new_id_;
  const Commit commit_;
  mutable std::mutex mutex_;
  const double started_;
  uint64_t next_id_;  // of attempts and waits
  bool draining_ = false;
  std::map<std::string, Session> sessions_;
  // key -> target -> sessions that run
  std::map<std::string, std::map<std::string, size_t>> offered_;
  std::map<std::pair<std::string, std::string>, size_t> apart_;  // trials, by key and target
  size_t module_bytes_ = 0;
  std::map<std::string, FairQueue> queues_;      // by key
  std::map<std::string, double> unfit_since_;    // by key
  std::map<std::string, double> networks_left_;  // by key: when a worker that takes them did
  std::set<std::string> paused_;                 // jobs
  std::map<uint64_t, Attempt> attempts_;
  std::deque<uint64_t> ended_;  // attempts kept to recognise duplicates
  std::list<Wait> waits_;
  HealthBook health_;
  DispatcherCounts counts_;
};

}  // namespace tilewright
