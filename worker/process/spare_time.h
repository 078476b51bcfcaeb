// Slots that go on sampling because nothing else is there to be run, and how they are told that
// something is: by closing the standard input of their runners. Thread-safe.
#pragma once

#include <deque>
#include <mutex>

namespace tilewright {

// Of one run. The input is closed once, by End or by the destructor.
class SpareTime {
 public:
  SpareTime() = default;
  ~SpareTime() { End(); }
  SpareTime(const SpareTime&) = delete;
  SpareTime& operator=(const SpareTime&) = delete;

  // Takes ownership of the descriptor, which is closed at once when End was called before.
  void Hold(int input);
  void End();

 private:
  std::mutex mutex_;
  bool ended_ = false;
  int input_ = -1;
};

// Of all slots.
class SpareTimes {
 public:
  // A run that has time to spare, until it leaves. REQUIRES: `run` outlives that.
  void Enter(SpareTime* run);
  void Leave(SpareTime* run);
  // Ends as many, the oldest first, as there are kernels for which no slot is free; those that were
  // told before and are still there count.
  void EndFor(size_t kernels);
  void EndAll();

 private:
  std::mutex mutex_;
  std::deque<SpareTime*> sparing_, told_;
};

}  // namespace tilewright
