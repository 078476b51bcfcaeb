// The farm's processes as tests run and kill them.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/paths.h"
#include "worker/process/child.h"
#include "worker/process/pipe_io.h"

namespace tilewright {

inline constexpr char kTilewright[] = TILEWRIGHT_BIN_DIR "/tilewright";

// A process of the command; killed with all it started when it goes out of scope.
class FarmProcess {
 public:
  explicit FarmProcess(const std::vector<std::string>& arguments) : child_(Start(arguments)) {}

  void Signal(int number) { kill(child_.pid(), number); }
  // The exit code; 128 + n for a signal.
  int Wait() {
    const int status = child_.Wait();
    return SignalOf(status) ? 128 + SignalOf(status) : WEXITSTATUS(status);
  }
  // What `serve --embedded` says once it answers.
  std::string ReadyLine() { return ReadLine(child_.output(), DeadlineAfter(60)).value_or(""); }

 private:
  static Child Start(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {kTilewright};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return Child::Start(argv, ChildOutput::kOurStderr).value();
  }
  Child child_;
};

// Polls: the other side is another process.
inline bool WaitUntil(const std::function<bool()>& condition) {
  for (int i = 0; i < 1200; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

}  // namespace tilewright
