// The time of a job: stands still while the job is paused. Thread-safe.
#pragma once

#include <mutex>

#include "base/clock.h"

namespace tilewright {

class JobClock final : public Clock {
 public:
  // `clock` outlives this.
  explicit JobClock(const Clock& clock) : clock_(clock) {}

  void Pause(bool paused) {
    const std::lock_guard lock(mutex_);
    if (paused == paused_) return;
    paused_ = paused;
    if (paused) {
      since_ = clock_.Now();
    } else {
      stood_still_ += clock_.Now() - since_;
    }
  }
  double Now() const override {
    const std::lock_guard lock(mutex_);
    return (paused_ ? since_ : clock_.Now()) - stood_still_;
  }
  double UnixTime() const override { return clock_.UnixTime(); }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  bool paused_ = false;
  double since_ = 0;        // when it was paused
  double stood_still_ = 0;  // in pauses that are over
};

}  // namespace tilewright
