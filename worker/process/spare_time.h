// A run that goes on sampling because nothing else is there to be run, and how it is told that
// something is: by closing the standard input of its runner. Thread-safe.
#pragma once

#include <mutex>

namespace tilewright {

// The input is closed once, by End or by the destructor.
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

}  // namespace tilewright
