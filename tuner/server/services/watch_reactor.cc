#include "tuner/server/services/watch_reactor.h"

#include <thread>
#include <utility>

#include "proto/convert.h"

namespace tilewright {
namespace {

constexpr size_t kMaxQueued = 256;
constexpr int kMaxRetelling = 16;  // a thread each

}  // namespace

void WatchReactor::Begin(absl::StatusOr<std::shared_ptr<Job>> job) {
  if (!job.ok()) return Finish(ToGrpc(job.status()));
  {
    std::lock_guard lock(mutex_);
    job_ = *std::move(job);
  }
  watch_ = job_->events().Watch([this] { Advance(); });
  Advance();
}

void WatchReactor::OnWriteDone(bool ok) {
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) gone_ = true;
  }
  Advance();
}

void WatchReactor::OnCancel() {
  {
    std::lock_guard lock(mutex_);
    gone_ = true;
    if (!job_) return;  // Begin will notice
  }
  room_.notify_all();
  Advance();
}

void WatchReactor::OnDone() {
  if (job_) job_->events().Unwatch(watch_);
  delete this;
}

// What is to be done, decided under the lock; done without it, because after Finish this object
// may be gone.
WatchReactor::Action WatchReactor::Decide() {
  std::lock_guard lock(mutex_);
  if (writing_ || finished_) return Action::kNone;
  const EventLog& log = job_->events();
  const bool closed = log.closed(), ended = log.ended();  // before looking for events
  std::optional<v1::JobEvent> event;
  if (!queue_.empty()) {
    event = std::move(queue_.front());
    queue_.pop_front();
    room_.notify_all();
  } else if (retelling_now_) {
    return Action::kNone;
  } else {
    event = log.Recent(next_);
  }
  if (event && !gone_) {
    event_ = *std::move(event);
    next_ = event_.sequence() + 1;
    writing_ = true;
    return Action::kWrite;
  }
  const bool older = next_ <= log.count() || (ended && log.count() == 0 && !retold_);
  if (older && !gone_ && status_.ok() && !closed) {
    if (retelling_.fetch_add(1) < kMaxRetelling) {
      retelling_now_ = true;
      return Action::kRetell;
    }
    --retelling_;
    status_ = {grpc::RESOURCE_EXHAUSTED, "too many clients read old events; try again"};
  } else if (!gone_ && status_.ok() && !ended && !closed) {
    return Action::kNone;
  } else if (closed && !ended && status_.ok()) {
    status_ = {grpc::UNAVAILABLE, "the server goes away"};
  }
  if (retelling_now_) return Action::kNone;
  finished_ = true;
  return Action::kFinish;
}

void WatchReactor::Advance() {
  switch (Decide()) {
    case Action::kNone: break;
    case Action::kWrite: StartWrite(&event_); break;
    case Action::kRetell: std::thread([this] { Retell(); }).detach(); break;
    case Action::kFinish: Finish(status_); break;
  }
}

bool WatchReactor::Queue(const v1::JobEvent& event) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return gone_ || queue_.size() < kMaxQueued; });
    if (gone_) return false;
    queue_.push_back(event);
  }
  Advance();
  return !job_->events().closed();
}

void WatchReactor::Retell() {
  const absl::Status status =
      job_->Retell(next_, [this](const v1::JobEvent& event) { return Queue(event); });
  {
    std::lock_guard lock(mutex_);
    retelling_now_ = false;
    retold_ = true;
    if (!status.ok()) status_ = ToGrpc(status);
    --retelling_;
  }
  Advance();
}

}  // namespace tilewright
