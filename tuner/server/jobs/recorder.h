// Makes measurements and jobs durable, many in one transaction when they come fast, in the order in
// which they were given: an activity that takes whatever waits. Another one tells, in that order
// too, so that the next transaction waits for none of those who hear of the last. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "base/activities.h"
#include "base/clock.h"
#include "records/store/record_store.h"

namespace tilewright {

class Recorder {
 public:
  using Then = std::function<void(absl::Status)>;

  // Told of each transaction, how long it took and what came of it, by the activity that stores.
  using OnCommit = std::function<void(double seconds, const absl::Status& status)>;

  // All outlive the recorder; `on_commit` may be null.
  Recorder(RecordStore& store, const Clock& clock, Activities& activities,
           OnCommit on_commit = nullptr);
  // Stores what is waiting.
  ~Recorder();

  // The activity that tells calls `then` once the record is stored, or could not be.
  void Store(Record record, Then then);
  // The same of several: all of them or none.
  void StoreAll(std::vector<Record> records, Then then);
  // Withdraws a record, of those given before too.
  void Revoke(Revocation revocation, Then then);
  // Steps of a job, with its new row when that has changed. Tried again until they are stored:
  // nothing given later is stored without them. `stored` is then called, by the activity that
  // tells.
  void StoreSteps(std::vector<JobStepRow> steps, std::vector<JobRow> jobs,
                  std::function<void()> stored);
  // The same, tried once: whether it was stored.
  void StoreJob(JobStepRow step, JobRow job, Then then);
  // Waits until what was given before is stored; false when that takes longer.
  bool Flush(double seconds);

 private:
  struct Entry {
    std::vector<Record> records;  // not of those that are tried again
    std::vector<JobStepRow> steps;
    std::vector<JobRow> jobs;
    std::vector<Revocation> revocations;
    Then then;
    bool retry = false;
  };
  void Add(Entry entry);
  struct Settled {
    Then then;
    absl::Status status;
  };
  std::optional<double> StoreWaiting();
  absl::Status Commit(std::vector<Entry>& entries);
  void Settle(std::vector<Entry> entries, const absl::Status& status);
  std::optional<double> TellSettled();

  RecordStore& store_;
  const Clock& clock_;
  Activities& activities_;
  const OnCommit on_commit_;
  std::mutex mutex_;
  std::vector<Entry> waiting_;
  bool fresh_ = false;  // something came since the last try
  bool stopping_ = false;
  std::vector<Settled> settled_;  // to be told
  bool all_settled_ = false;      // nothing more comes
  // Last: they use the above.
  const std::shared_ptr<Activity> telling_, storing_;
};

}  // namespace tilewright
