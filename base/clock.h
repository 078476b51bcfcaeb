// Time as an argument, so that tests own it.
#pragma once

#include <chrono>

namespace tilewright {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic seconds since an arbitrary start.
  virtual double Now() const = 0;
  // Unix time in seconds.
  virtual double UnixTime() const = 0;
};

class SystemClock final : public Clock {
 public:
  double Now() const override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  double UnixTime() const override {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace tilewright
