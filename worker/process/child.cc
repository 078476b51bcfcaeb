#include "worker/process/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace tilewright {
namespace {

constexpr int kFirstClosed = 4;
constexpr double kKilledSeconds = 10;  // that a killed process may need: it frees its memory
constexpr std::chrono::microseconds kFirstPause{100}, kLongestPause{20'000};

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == 0) read = fds[0], write = fds[1];
  }
  ~Pipe() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

// The descriptors of the child. Ours are opened with O_CLOEXEC throughout; those that our own
// parent left open are not.
class FileActions {
 public:
  FileActions(const Pipe& input, const Pipe& output, ChildOutput text) {
    posix_spawn_file_actions_init(&actions_);
    // In this order: input.read may itself be 3.
    posix_spawn_file_actions_adddup2(&actions_, input.read, 0);
    posix_spawn_file_actions_adddup2(&actions_, output.write, 3);
    if (text == ChildOutput::kOurStderr) {
      posix_spawn_file_actions_adddup2(&actions_, 2, 1);
    } else {
      posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
      posix_spawn_file_actions_adddup2(&actions_, 1, 2);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions_, kFirstClosed);
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<Child> Child::Start(const std::vector<std::string>& argv, ChildOutput output) {
  Pipe to_child, from_child;
  if (to_child.read < 0 || from_child.read < 0) {
    return absl::UnavailableError(absl::StrCat("cannot make a pipe: ", strerror(errno)));
  }
  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, args[0], FileActions(to_child, from_child, output).get(),
                                Attributes().get(), args.data(), environ);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot start ", argv[0], ": ", strerror(error)));
  }
  return Child(pid, std::exchange(to_child.write, -1), std::exchange(from_child.read, -1));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  std::swap(input_, other.input_);
  std::swap(output_, other.output_);
  return *this;
}

Child::~Child() {
  Kill();
  EndsWithin(kKilledSeconds);
  CloseInput();
  if (output_ >= 0) close(output_);
}

void Child::CloseInput() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

void Child::Kill() {
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // the group exists only once the child has called setsid
}

void Child::Terminate() {
  if (pid_ > 0) kill(pid_, SIGTERM);
}

int Child::Wait() {
  if (pid_ < 0) return status_;
  while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status_;
}

bool Child::EndsWithin(double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (auto pause = kFirstPause; pid_ >= 0; pause = std::min(2 * pause, kLongestPause)) {
    const pid_t ended = waitpid(pid_, &status_, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno != EINTR)) {
      pid_ = -1;
    } else if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    } else {
      std::this_thread::sleep_for(pause);
    }
  }
  return true;
}

absl::StatusOr<int> Child::End(double seconds) {
  if (EndsWithin(seconds)) return status_;
  Kill();
  if (EndsWithin(kKilledSeconds)) return status_;
  return absl::UnavailableError(absl::StrCat(
      "process ", pid_, " has been killed but does not end: it hangs in the kernel or is traced"));
}

int SignalOf(int status) {
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WIFEXITED(status) && WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128 : 0;
}

std::string DescribeExit(int status) {
  const int signal = SignalOf(status);
  if (signal == 0) return absl::StrCat("exit code ", WEXITSTATUS(status));
  return absl::StrCat("signal ", signal, " (", strsignal(signal), ")");
}

}  // namespace tilewright
