#include "tuner/server/recorder.h"

#include <chrono>
#include <future>
#include <iterator>
#include <memory>
#include <utility>

namespace tilewright {
namespace {

// Between tries to store what must be stored.
constexpr auto kRetryPause = std::chrono::seconds(1);

template <typename T>
void MoveTo(std::vector<T>& from, std::vector<T>* to) {
  std::move(from.begin(), from.end(), std::back_inserter(*to));
}

}  // namespace

Recorder::Recorder(RecordStore& store, OnCommit on_commit)
    : store_(store), on_commit_(std::move(on_commit)), thread_([this] { Loop(); }) {}

Recorder::~Recorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Recorder::Store(Record record, Then then) {
  std::vector<Record> one;
  one.push_back(std::move(record));
  StoreAll(std::move(one), std::move(then));
}

void Recorder::StoreAll(std::vector<Record> records, Then then) {
  Add({.records = std::move(records), .then = std::move(then)});
}

void Recorder::StoreSteps(std::vector<JobStepRow> steps, std::vector<JobRow> jobs,
                          std::function<void()> stored) {
  Add({.steps = std::move(steps),
       .jobs = std::move(jobs),
       .then = [stored = std::move(stored)](const absl::Status&) { stored(); },
       .retry = true});
}

bool Recorder::Flush(double seconds) {
  auto stored = std::make_shared<std::promise<void>>();
  std::future<void> done = stored->get_future();
  StoreSteps({}, {}, [stored] { stored->set_value(); });
  return done.wait_for(std::chrono::duration<double>(seconds)) == std::future_status::ready;
}

void Recorder::Add(Entry entry) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(entry));
    fresh_ = true;
  }
  changed_.notify_one();
}

void Recorder::Loop() {
  while (true) {
    std::vector<Entry> entries;
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return stopping_ || fresh_; };
      if (waiting_.empty()) {
        changed_.wait(lock, something);
      } else {
        changed_.wait_for(lock, kRetryPause, something);
      }
      if (waiting_.empty()) return;
      entries.swap(waiting_);
      fresh_ = false;
    }
    const absl::Status status = Commit(entries);
    Settle(std::move(entries), status);
    std::lock_guard lock(mutex_);
    if (stopping_ && !fresh_) return;  // what cannot be stored now never will be
  }
}

absl::Status Recorder::Commit(const std::vector<Entry>& entries) {
  std::vector<Record> records;
  std::vector<JobStepRow> steps;
  std::vector<JobRow> jobs;
  for (const Entry& entry : entries) {
    records.insert(records.end(), entry.records.begin(), entry.records.end());
    steps.insert(steps.end(), entry.steps.begin(), entry.steps.end());
    jobs.insert(jobs.end(), entry.jobs.begin(), entry.jobs.end());
  }
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = store_.Commit({.records = records, .steps = steps, .jobs = jobs});
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  if (on_commit_) on_commit_(taken.count(), status);
  return status;
}

void Recorder::Settle(std::vector<Entry> entries, const absl::Status& status) {
  std::vector<Entry> again;
  for (Entry& entry : entries) {
    if (!status.ok() && entry.retry) {
      again.push_back(std::move(entry));
    } else {
      entry.then(status);
    }
  }
  if (again.empty()) return;
  std::lock_guard lock(mutex_);
  MoveTo(waiting_, &again);
  waiting_ = std::move(again);
}

}  // namespace tilewright
