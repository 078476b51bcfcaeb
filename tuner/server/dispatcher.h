// Gives trials to workers: sessions, leases, fences, retries, fair shares. No gRPC, no store, no
// threads of its own; time comes from the clock, durability from the commit function. Thread-safe.
// At-least-once execution, exactly-once effect: `done` of a trial is called exactly once.
// A trial whose worker vanishes goes to another, at most max_losses times. Callbacks run on the
// caller's thread without the lock held; they may call back.
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
#include "proto/measure_options.h"
#include "tuner/measure/measurer.h"

namespace tilewright {

struct TrialRequest {
  std::string job;
  std::string device_key;
  Task task;
  Config config;
  uint64_t index = 0;  // in the task's space
  MeasureOptions options;
};

struct WorkerInfo {
  std::string name;
  std::string device_key, device, target;
  uint32_t slots = 1;
  uint32_t capacity = 1;  // trials it likes to hold
};

struct LeasedTrial {
  uint64_t attempt = 0;
  uint64_t fence = 0;
  TrialRequest request;
};

struct TrialReport {
  std::string session;
  uint64_t attempt = 0;
  uint64_t fence = 0;
  Measured measured;
};

// A measurement to be made durable.
struct FinishedTrial {
  TrialRequest request;
  WorkerInfo worker;
  Measured measured;
  uint64_t attempt = 0;
  bool late = false;  // its lease was over or its job cancelled
};

enum class ReportResult { kRecorded, kDuplicate, kLateRecorded, kConflict, kDiscarded };

struct DispatcherOptions {
  double lease_seconds = 30;
  int max_losses = 3;
};

struct WorkerView {
  WorkerInfo info;
  size_t held = 0;
  double seconds_since_seen = 0;
};
struct KeyView {
  std::string key;
  size_t total = 0, free = 0, pending = 0;  // slots, slots, trials
};

class Dispatcher {
 public:
  using Then = std::function<void(absl::Status)>;
  // Makes a measurement durable and calls `then`, on any thread.
  using Commit = std::function<void(FinishedTrial, Then then)>;
  using Leased = std::function<void(absl::StatusOr<std::vector<LeasedTrial>>)>;
  using Reported = std::function<void(absl::StatusOr<ReportResult>)>;

  // `clock` outlives the dispatcher. `seed` makes session ids unguessable.
  Dispatcher(const Clock& clock, const DispatcherOptions& options, uint64_t seed, Commit commit);

  // ---- jobs
  void Submit(TrialRequest request, Measurer::Done done);
  // Its unfinished trials are done with a failure; reports that still come are kept as late.
  void CancelJob(const std::string& job);
  // Trials that keep the workers of a key busy; 0 = no worker.
  size_t CapacityOf(const std::string& device_key) const;

  // ---- workers
  // Ends an older session of the same worker: its trials count as lost.
  std::string OpenSession(const WorkerInfo& worker);
  void CloseSession(const std::string& session);
  // Calls `leased` once: now if there is work, else when there is or after max_wait with nothing.
  // NotFound: no such session. The result identifies the wait for AbandonWait; 0 = already called.
  uint64_t Lease(const std::string& session, size_t max_items, double max_wait, Leased leased);
  // The peer is gone: `leased` is called with nothing.
  void AbandonWait(uint64_t wait);
  // Prolongs the leases of `attempts`; returns those to be dropped.
  absl::StatusOr<std::vector<uint64_t>> Renew(const std::string& session,
                                              const std::vector<uint64_t>& attempts);
  // Unavailable: the commit failed, report again. Else `reported` comes after the commit.
  void Report(const TrialReport& report, Reported reported);

  // Expires leases, waits and silent sessions. Call about once a second.
  void Tick();
  // Answers all waits with nothing, now and from now on.
  void Drain();

  // ---- views
  std::vector<WorkerView> Workers() const;
  std::vector<KeyView> Keys() const;

 private:
  enum class TrialState { kQueued, kLeased, kDone };
  enum class AttemptState { kLive, kCommitting, kReported, kLost, kCancelled };
  struct Trial {
    TrialRequest request;
    Measurer::Done done;
    TrialState state = TrialState::kQueued;
    uint64_t fence = 0;
    uint64_t attempt = 0;  // the live one
    double submitted = 0;
    std::set<std::string> lost_on;  // workers that vanished with it
    int losses = 0;
  };
  struct Attempt {
    std::shared_ptr<Trial> trial;
    std::string session;
    WorkerInfo worker;
    uint64_t fence = 0;
    double deadline = 0;
    AttemptState state = AttemptState::kLive;
    AttemptState before_commit = AttemptState::kLive;
    Outcome outcome;  // once reported
  };
  struct Session {
    WorkerInfo worker;
    double seen = 0;
    std::set<uint64_t> held;
  };
  struct Wait {
    uint64_t id = 0;
    std::string session;
    size_t max_items = 0;
    double deadline = 0;
    Leased leased;
  };
  // One job's share of one key.
  struct Share {
    std::deque<std::shared_ptr<Trial>> queue;
    size_t running = 0;
    uint64_t last_served = 0;
  };
  using Calls = std::vector<std::function<void()>>;

  std::string NewSessionId();
  std::shared_ptr<Trial> TakeTrial(const WorkerInfo& worker);
  bool MayTake(const Trial& trial, const WorkerInfo& worker) const;
  std::vector<LeasedTrial> LeaseNow(const std::string& session, size_t max_items);
  void ServeWaits(const std::string& key, Calls* calls);
  void EndWait(std::list<Wait>::iterator wait, Calls* calls);
  void Release(uint64_t attempt, AttemptState state);
  void Lose(uint64_t attempt, Calls* calls);
  void EndSession(const std::string& session, bool lost, Calls* calls);
  void Finish(const std::shared_ptr<Trial>& trial, Measured measured, Calls* calls);
  absl::StatusOr<ReportResult> Judge(const TrialReport& report, FinishedTrial* finished);
  void Committed(const TrialReport& report, const absl::Status& status, const Reported& reported);
  void Settle(uint64_t attempt, const Measured& measured, Calls* calls);
  void DropEmptyShare(const TrialRequest& request);
  void Forget(uint64_t attempt);

  const Clock& clock_;
  const DispatcherOptions options_;
  const Commit commit_;
  mutable std::mutex mutex_;
  uint64_t id_state_;
  uint64_t next_id_ = 1;  // of attempts and waits
  uint64_t served_ = 0;
  bool draining_ = false;
  std::map<std::string, Session> sessions_;
  std::map<std::string, std::map<std::string, Share>> shares_;  // key -> job
  std::map<uint64_t, Attempt> attempts_;
  std::deque<uint64_t> ended_;  // attempts kept to recognise duplicates
  std::list<Wait> waits_;
};

}  // namespace tilewright
