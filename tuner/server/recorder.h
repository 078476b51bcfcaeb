// Makes measurements durable, many in one transaction when they come fast. Thread-safe.
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

  // `store` outlives the recorder.
  explicit Recorder(RecordStore& store);
  // Stores what is waiting.
  ~Recorder();

  // Calls `then` on the recorder's thread once the record is stored, or could not be.
  void Store(Record record, Then then);

 private:
  struct Entry {
    Record record;
    Then then;
  };
  void Loop();
  void StoreAll(std::vector<Entry> entries);

  RecordStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tilewright
