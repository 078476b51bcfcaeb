// A job: a model's tasks to be tuned on the workers of one key, and at the end the model itself. A
// row of the store before anybody hears of it; runs the tuning loop as an activity; everything that
// happens is a step in its journal before it is an event. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/activities.h"
#include "log/log.h"
#include "proto/tilewright.pb.h"
#include "records/store/record_store.h"
#include "tuner/loop/tune.h"
#include "tuner/server/dispatch/dispatcher.h"
#include "tuner/server/jobs/event_log.h"
#include "tuner/server/jobs/job_clock.h"
#include "tuner/server/jobs/job_events.h"
#include "tuner/server/jobs/job_tasks.h"
#include "tuner/server/jobs/journal.h"
#include "tuner/server/jobs/recorder.h"
#include "tuner/server/jobs/tuning_curves.h"

namespace tilewright {

// What jobs work with; all of it outlives them.
struct JobContext {
  Dispatcher& dispatcher;
  Recorder& recorder;
  const RecordStore& store;
  const Clock& clock;
  Log& log;
  Activities& activities;
  // Told once that a job has ended and is stored so; quick. Null: nobody.
  std::function<void(const std::string& job, const std::string& state, const std::string& message)>
      on_end = nullptr;
};

class Job {
 public:
  // The job of a row that the store has.
  Job(JobRow row, v1::JobSpec spec, const JobContext& context);
  // Suspends and waits.
  ~Job();

  // Runs it from where its journal ends. REQUIRES: its row has not ended; once.
  void Start();

  const std::string& id() const { return id_; }
  const v1::JobSpec& spec() const { return spec_; }
  const std::string& owner() const { return owner_; }
  v1::JobSummary Summary() const;
  v1::JobState state() const;
  bool ended() const;

  // What was measured stays. Returns before the job has ended.
  void Cancel();
  // FailedPrecondition when it has ended; Unavailable until `replayed`.
  absl::Status Pause(bool paused);
  // Some of its records were revoked: what it runs looks which, and measures that again.
  void NoteRevoked();
  // Stops running it; the next server goes on. Returns before its activity has ended.
  void Suspend();
  // Until its activity has ended.
  void Wait();
  // Of a job that was started: its journal is read, and it has ended or is suspended.
  const std::shared_future<void>& replayed() const { return replayed_future_; }
  const std::shared_future<void>& over() const { return over_future_; }

  EventLog& events() { return *events_; }
  // Tells the events from number `first` to the last one that is in the store, again, from the
  // journal; slow. `visit` false stops.
  absl::Status Retell(uint64_t first, const std::function<bool(const v1::JobEvent&)>& visit) const;
  // Of a job that runs here, or did, kept at hand; of another one from the journal, which is slow.
  absl::StatusOr<TuningCurves> Curves() const;

 private:
  struct Run;

  std::optional<double> Step();
  absl::Status Begin();
  bool ReplayNext(TuneStep* step);
  void EndReplay();
  void FindRevoked();
  void WithdrawRevoked();
  std::optional<double> End(const absl::StatusOr<TuneResult>& result);
  bool CountSteps();
  void Number(std::vector<JobStepRow>* rows);
  void OnTrial(const TuneEvent& event);
  void OnSteps(std::span<const TuneStep> steps);
  void LogState() const;
  void TimeNetwork(double seconds, v1::JobEvent* last);
  void ChangeState(v1::JobEvent event);
  void Announce(const std::string& message);
  void StoreState(v1::JobEvent event);
  v1::JobEvent EndOf(const TuneResult& result) const;

  const std::string id_, owner_;
  const v1::JobSpec spec_;
  const JobContext context_;
  JobClock clock_;
  const std::shared_ptr<EventLog> events_;
  JobTasks tasks_;            // the activity's
  std::unique_ptr<Run> run_;  // the activity's

  mutable std::mutex mutex_;
  JobRow row_;  // as it is, or will be, in the store
  v1::JobState state_;
  uint64_t last_step_ = 0;
  double seconds_ = 0;                // of the last step
  std::vector<v1::JobEvent> untold_;  // trials whose steps are not in the journal yet
  std::string last_failure_;          // of a trial
  TuningCurves curves_;               // of all lives
  bool started_ = false;              // here
  bool replaying_ = true;             // the journal's end is not known yet

  std::promise<void> replayed_, over_;
  const std::shared_future<void> replayed_future_ = replayed_.get_future().share();
  const std::shared_future<void> over_future_ = over_.get_future().share();
  std::atomic<bool> suspended_{false};
  std::atomic<bool> revoked_{true};  // there may be revoked records that count
  std::stop_source stop_;
  std::shared_ptr<Activity> activity_;  // null: it was not started
};

}  // namespace tilewright
