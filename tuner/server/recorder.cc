#include "tuner/server/recorder.h"

#include <utility>

namespace tilewright {

Recorder::Recorder(RecordStore& store) : store_(store), thread_([this] { Loop(); }) {}

Recorder::~Recorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Recorder::Store(Record record, Then then) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(record), std::move(then)});
  }
  changed_.notify_one();
}

void Recorder::Loop() {
  while (true) {
    std::vector<Entry> entries;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      entries.swap(waiting_);
    }
    StoreAll(std::move(entries));
  }
}

void Recorder::StoreAll(std::vector<Entry> entries) {
  std::vector<Record> records;
  for (Entry& entry : entries) records.push_back(std::move(entry.record));
  const absl::Status status = store_.Append(records);
  for (const Entry& entry : entries) entry.then(status);
}

}  // namespace tilewright
