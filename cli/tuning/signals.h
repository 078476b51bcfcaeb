// Ctrl-C and SIGTERM as values instead of interruptions.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace tilewright {

// Blocks SIGINT and SIGTERM in this thread and those it starts from now on; ignores SIGPIPE.
// REQUIRES: called before other threads exist.
void BlockSignals();

// Waits for SIGINT or SIGTERM. REQUIRES: BlockSignals.
int WaitForSignal();

// Calls `on_signal` for each SIGINT and SIGTERM on a thread of its own, until destroyed.
// REQUIRES: BlockSignals.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void()> on_signal);
  ~SignalWatch();

 private:
  std::jthread thread_;
};

// This process is killed when the one that started it ends.
void DieWithParent();

}  // namespace tilewright
