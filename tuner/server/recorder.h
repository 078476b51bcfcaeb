// Makes measurements and jobs durable, many in one transaction when they come fast, in the order in
// which they were given. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "records/record_store.h"

namespace tilewright {

class Recorder {
 public:
  using Then = std::function<void(absl::Status)>;

  // Told of each transaction, how long it took and what came of it, on the recorder's thread.
  using OnCommit = std::function<void(double seconds, const absl::Status& status)>;

  // `store` outlives the recorder; `on_commit` may be null.
  explicit Recorder(RecordStore& store, OnCommit on_commit = nullptr);
  // Stores what is waiting.
  ~Recorder();

  // Calls `then` on the recorder's thread once the record is stored, or could not be.
  void Store(Record record, Then then);
  // The same of several: all of them or none.
  void StoreAll(std::vector<Record> records, Then then);
  // Steps of a job, with its new row when that has changed. Tried again until they are stored:
  // nothing given later is stored without them. `stored` is then called, on the recorder's thread.
  void StoreSteps(std::vector<JobStepRow> steps, std::vector<JobRow> jobs,
                  std::function<void()> stored);
  // Waits until what was given before is stored; false when that takes longer.
  bool Flush(double seconds);

 private:
  struct Entry {
    std::vector<Record> records;
    std::vector<JobStepRow> steps;
    std::vector<JobRow> jobs;
    Then then;
    bool retry = false;
  };
  void Add(Entry entry);
  void Loop();
  absl::Status Commit(const std::vector<Entry>& entries);
  void Settle(std::vector<Entry> entries, const absl::Status& status);

  RecordStore& store_;
  const OnCommit on_commit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> waiting_;
  bool fresh_ = false;  // something came since the last try
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tilewright
