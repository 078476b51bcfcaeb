// A child process that is asked through its standard input and answers on descriptor 3.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// For a child that has closed its descriptor 3 to end by itself.
inline constexpr double kOwnEndSeconds = 5;

enum class ChildOutput { kDiscarded, kOurStderr };  // of its standard output and error

// Move-only owner: the destructor kills the child's whole process group and reaps the child; one
// that cannot be killed is left to itself after a while.
class Child {
 public:
  // Runs argv[0] in a session of its own, default signals, only descriptors 0 to 3 open.
  // Unavailable when it cannot be started.
  static absl::StatusOr<Child> Start(const std::vector<std::string>& argv, ChildOutput output);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }  // -1 once reaped
  int input() const { return input_; }
  int output() const { return output_; }
  void CloseInput();
  // The caller's from now on, to be closed.
  int ReleaseInput() { return std::exchange(input_, -1); }
  void Kill();
  // Asks it to end (SIGTERM).
  void Terminate();
  // Blocks until the child has ended; returns waitpid's status.
  int Wait();
  // The same for a child that may not end: after so many seconds it is killed. Unavailable when
  // even that does not end it: it hangs in the kernel, or another process traces it.
  absl::StatusOr<int> End(double seconds);

 private:
  // Whether it has ended and is reaped, after at most so long.
  bool EndsWithin(double seconds);
  Child(pid_t pid, int input, int output) : pid_(pid), input_(input), output_(output) {}

  pid_t pid_ = -1;  // -1: reaped or moved from
  int status_ = 0;
  int input_ = -1;
  int output_ = -1;
};

// "signal 11 (Segmentation fault)" or "exit code 3", of waitpid's status; 128 + n counts as a
// signal, as in a shell.
std::string DescribeExit(int status);
// The signal in the same reading; 0 = none.
int SignalOf(int status);

}  // namespace tilewright
