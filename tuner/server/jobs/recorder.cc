#include "tuner/server/jobs/recorder.h"

#include <future>
#include <iterator>
#include <memory>
#include <utility>

namespace tilewright {
namespace {

// Between tries to store what must be stored.
constexpr double kRetrySeconds = 1;

template <typename T>
void MoveTo(std::vector<T>& from, std::vector<T>* to) {
  std::move(from.begin(), from.end(), std::back_inserter(*to));
}

}  // namespace

Recorder::Recorder(RecordStore& store, const Clock& clock, Activities& activities,
                   OnCommit on_commit)
    : store_(store),
      clock_(clock),
      activities_(activities),
      on_commit_(std::move(on_commit)),
      telling_(activities.Make([this] { return TellSettled(); })),
      storing_(activities.Make([this] { return StoreWaiting(); })) {}

Recorder::~Recorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  storing_->Wake();
  storing_->Join();
  {
    std::lock_guard lock(mutex_);
    all_settled_ = true;
  }
  telling_->Wake();
  telling_->Join();
  // Those who were told last may have had more.
  while (fresh_) {
    StoreWaiting();
    TellSettled();
  }
}

void Recorder::Store(Record record, Then then) {
  std::vector<Record> one;
  one.push_back(std::move(record));
  StoreAll(std::move(one), std::move(then));
}

void Recorder::StoreAll(std::vector<Record> records, Then then) {
  Add({.records = std::move(records), .then = std::move(then)});
}

void Recorder::Revoke(Revocation revocation, Then then) {
  Entry entry{.then = std::move(then)};
  entry.revocations.push_back(std::move(revocation));
  Add(std::move(entry));
}

void Recorder::StoreSteps(std::vector<JobStepRow> steps, std::vector<JobRow> jobs,
                          std::function<void()> stored) {
  Add({.steps = std::move(steps),
       .jobs = std::move(jobs),
       .then = [stored = std::move(stored)](const absl::Status&) { stored(); },
       .retry = true});
}

void Recorder::StoreJob(JobStepRow step, JobRow job, Then then) {
  Entry entry{.then = std::move(then)};
  entry.steps.push_back(std::move(step));
  entry.jobs.push_back(std::move(job));
  Add(std::move(entry));
}

bool Recorder::Flush(double seconds) {
  auto stored = std::make_shared<std::promise<void>>();
  const std::shared_future<void> done = stored->get_future().share();
  StoreSteps({}, {}, [stored] { stored->set_value(); });
  return activities_.WaitFor(done, seconds);
}

void Recorder::Add(Entry entry) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(entry));
    fresh_ = true;
  }
  storing_->Wake();
}

std::optional<double> Recorder::StoreWaiting() {
  std::vector<Entry> entries;
  {
    std::lock_guard lock(mutex_);
    entries.swap(waiting_);
    fresh_ = false;
  }
  if (!entries.empty()) {
    const absl::Status status = Commit(entries);
    Settle(std::move(entries), status);
  }
  std::lock_guard lock(mutex_);
  if (stopping_ && !fresh_) return std::nullopt;  // what cannot be stored now never will be
  return waiting_.empty() ? kUntilWoken : kRetrySeconds;
}

absl::Status Recorder::Commit(std::vector<Entry>& entries) {
  std::vector<Record> records;
  std::vector<JobStepRow> steps;
  std::vector<JobRow> jobs;
  std::vector<Revocation> revocations;
  for (Entry& entry : entries) {
    MoveTo(entry.records, &records);
    steps.insert(steps.end(), entry.steps.begin(), entry.steps.end());
    jobs.insert(jobs.end(), entry.jobs.begin(), entry.jobs.end());
    MoveTo(entry.revocations, &revocations);
  }
  const double start = clock_.Now();
  const absl::Status status =
      store_.Commit({.records = records, .steps = steps, .jobs = jobs, .revocations = revocations});
  if (on_commit_) on_commit_(clock_.Now() - start, status);
  return status;
}

// What is tried again stays before what came since.
void Recorder::Settle(std::vector<Entry> entries, const absl::Status& status) {
  std::vector<Entry> again;
  std::vector<Settled> over;
  for (Entry& entry : entries) {
    if (!status.ok() && entry.retry) {
      again.push_back(std::move(entry));
    } else {
      over.push_back({std::move(entry.then), status});
    }
  }
  {
    std::lock_guard lock(mutex_);
    MoveTo(waiting_, &again);
    waiting_ = std::move(again);
    MoveTo(over, &settled_);
  }
  telling_->Wake();
}

std::optional<double> Recorder::TellSettled() {
  std::vector<Settled> settled;
  bool last = false;
  {
    std::lock_guard lock(mutex_);
    settled.swap(settled_);
    last = all_settled_;
  }
  for (const Settled& one : settled) one.then(one.status);
  return last ? std::nullopt : std::optional(kUntilWoken);
}

}  // namespace tilewright
