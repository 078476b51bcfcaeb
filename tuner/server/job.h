// A job: a model's tasks to be tuned on the workers of one key. Runs the tuning loop in a thread of
// its own and tells what happens as a growing list of events. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/tilewright.pb.h"
#include "records/record_store.h"
#include "tuner/loop/tune.h"
#include "tuner/server/dispatcher.h"

namespace tilewright {

// A hash of everything in the spec, with the model's name in front: "resnet18-3f2a90c1".
std::string JobId(const v1::JobSpec& spec);

class Job {
 public:
  // Starts at once. InvalidArgument names the task, strategy or option that cannot be.
  // Everything referred to outlives the job.
  static absl::StatusOr<std::shared_ptr<Job>> Start(const v1::JobSpec& spec, Dispatcher& dispatcher,
                                                    const RecordStore& store, const Clock& clock);
  // Cancels and waits.
  ~Job();

  const std::string& id() const { return id_; }
  const v1::JobSpec& spec() const { return spec_; }
  v1::JobSummary Summary() const;
  bool ended() const;

  // What was measured stays. Returns before the job has ended.
  void Cancel();

  // The event with this sequence number; nullopt: it has not happened yet.
  std::optional<v1::JobEvent> Event(uint64_t sequence) const;
  // `notify` is called after each event, until Unwatch returns. It must not block.
  uint64_t Watch(std::function<void()> notify);
  void Unwatch(uint64_t watch);

 private:
  struct TaskEntry;

  Job(const v1::JobSpec& spec, Dispatcher& dispatcher, const RecordStore& store,
      const Clock& clock);
  absl::Status AddTask(const v1::JobTask& task);
  absl::Status LoadHistory(TaskEntry& entry) const;
  void Run();
  TuneJob MakeTuneJob();
  void OnTrial(const TuneEvent& event);
  void End(const TuneResult& result);
  void Emit(v1::JobEvent event);

  const std::string id_;
  const v1::JobSpec spec_;
  Dispatcher& dispatcher_;
  const RecordStore& store_;
  const Clock& clock_;
  std::vector<std::unique_ptr<TaskEntry>> tasks_;
  mutable std::mutex mutex_;
  std::vector<v1::JobEvent> events_;
  v1::JobState state_ = v1::QUEUED;
  std::string message_;       // why it failed
  std::string last_failure_;  // of a trial
  uint64_t trials_ = 0, failures_ = 0;
  double model_seconds_ = 0;
  std::mutex watch_mutex_;  // held while notifying
  std::map<uint64_t, std::function<void()>> watches_;
  uint64_t next_watch_ = 1;
  std::stop_source stop_;
  std::thread thread_;
};

}  // namespace tilewright
