// Where measurements arrive, from any thread. Shared with the callbacks, so that one that comes
// after its job was cancelled finds it alive. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <utility>

#include "tuner/measure/measurer.h"

namespace tilewright {

struct Arrival {
  uint64_t number = 0;  // of the trial
  Measured measured;
};

class Inbox {
 public:
  void Put(Arrival arrival) {
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(arrival));
    changed_.notify_one();
  }
  std::deque<Arrival> TakeAll() {
    const std::lock_guard lock(mutex_);
    return std::exchange(arrivals_, {});
  }
  // Until something is there, `stop` was requested or `patience` is over.
  void Wait(const std::stop_token& stop, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, patience, [this] { return !arrivals_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Arrival> arrivals_;
};

}  // namespace tilewright
