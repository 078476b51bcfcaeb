// The farm itself, without the services by which workers and clients reach it: dispatcher, jobs and
// what makes both durable. All that it does by itself are activities, and all that it does not
// decide is given to it, so that a simulation can repeat it exactly.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/activities.h"
#include "base/clock.h"
#include "log/log.h"
#include "records/store/record_store.h"
#include "tuner/server/dispatch/dispatcher.h"
#include "tuner/server/jobs/jobs.h"
#include "tuner/server/jobs/recorder.h"

namespace tilewright {

struct FarmOptions {
  uint64_t epoch = 0;  // of this run of the server: no two have the same
  DispatcherOptions dispatcher;
  Dispatcher::NewId new_session;
  Recorder::OnCommit on_commit = nullptr;
  decltype(JobContext::on_end) on_job_end = nullptr;
};

// What a farm acts on and is driven by; all outlive it.
struct FarmWorld {
  RecordStore& store;
  const Clock& clock;
  Log& log;
  Activities& activities;
};

class Farm {
 public:
  // Leaves the store's jobs alone until jobs().Resume().
  Farm(const FarmOptions& options, const FarmWorld& world);
  // Suspends, and stores what was reported.
  ~Farm();

  // Of an attempt of this server, or one that withdraws of another epoch: the dispatcher's; and
  // what was recorded of the attempt is revoked before `reported` is told kRecorded, if `may`
  // allows it. Reads the store; kDiscarded: there was no such record.
  void ReportFault(const FaultReport& fault, uint64_t epoch,
                   const std::function<absl::Status(const Record&)>& may,
                   const Dispatcher::Reported& reported);

  // Answers waiting calls and stops the jobs; the next farm of the store goes on with them. What
  // was reported is still stored and answered.
  void Suspend();

  uint64_t epoch() const { return epoch_; }
  Dispatcher& dispatcher() { return dispatcher_; }
  Jobs& jobs() { return jobs_; }

 private:
  Record RecordOf(FinishedTrial trial) const;
  void Withdraw(const Record& record, const std::string& reason,
                const Dispatcher::Reported& reported);

  const uint64_t epoch_;
  const RecordStore& store_;
  const Clock& clock_;
  Log& log_;
  std::unique_ptr<Recorder> recorder_;
  Dispatcher dispatcher_;
  Jobs jobs_;
  std::atomic<bool> suspended_{false};
  const std::shared_ptr<Activity> ticker_;  // expires leases
};

}  // namespace tilewright
