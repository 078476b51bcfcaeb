// Makes threads that wait for child processes give up. Thread-safe.
#pragma once

#include <atomic>

namespace tilewright {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // For good: waits that go on and those that begin later end with a Cancelled status.
  void Raise();
  bool raised() const { return raised_; }
  // Readable once raised, for poll; -1 when the system had no descriptor left.
  int fd() const { return fd_; }

 private:
  std::atomic<bool> raised_ = false;
  int fd_;
};

}  // namespace tilewright
