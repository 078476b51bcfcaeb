#include "tuner/server/jobs/event_log.h"

#include <utility>

namespace tilewright {
namespace {

// Kept of a running job: what a client that was away for some seconds missed.
constexpr size_t kKept = 512;

}  // namespace

void EventLog::Add(v1::JobEvent event) {
  {
    std::lock_guard lock(mutex_);
    event.set_sequence(++count_);
    ended_ =
        event.state() == v1::DONE || event.state() == v1::CANCELLED || event.state() == v1::FAILED;
    recent_.push_back(std::move(event));
    if (recent_.size() > kKept) recent_.pop_front();
  }
  Notify();
}

void EventLog::SetCount(uint64_t count) {
  {
    std::lock_guard lock(mutex_);
    count_ = count;
  }
  Notify();
}

void EventLog::SetEnded() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  Notify();
}

void EventLog::Shrink() {
  std::lock_guard lock(mutex_);
  if (recent_.size() > 1) recent_.erase(recent_.begin(), recent_.end() - 1);
}

void EventLog::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  Notify();
}

void EventLog::Notify() {
  std::lock_guard lock(watch_mutex_);
  for (const auto& [id, notify] : watches_) notify();
}

uint64_t EventLog::count() const {
  std::lock_guard lock(mutex_);
  return count_;
}

bool EventLog::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

bool EventLog::ended() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

std::optional<v1::JobEvent> EventLog::Recent(uint64_t sequence) const {
  std::lock_guard lock(mutex_);
  const uint64_t first = count_ - recent_.size() + 1;
  if (sequence < first || sequence > count_) return std::nullopt;
  return recent_[sequence - first];
}

uint64_t EventLog::Watch(std::function<void()> notify) {
  std::lock_guard lock(watch_mutex_);
  watches_[next_watch_] = std::move(notify);
  return next_watch_++;
}

void EventLog::Unwatch(uint64_t watch) {
  std::lock_guard lock(watch_mutex_);
  watches_.erase(watch);
}

}  // namespace tilewright
