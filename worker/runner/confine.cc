#include "worker/runner/confine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <csignal>

#include "worker/sandbox/landlock.h"
#include "worker/sandbox/namespaces.h"

namespace tilewright {
namespace {

constexpr int kLastKeptFd = 3;
constexpr rlim_t kMaxOpenFiles = 64;
constexpr int64_t kThreadBytes = 80 << 20;  // of address space: stack and malloc's arena
constexpr rlim_t kMaxProcesses = 4096;  // counted over the whole user: only a stop for fork bombs

void Limit(int resource, rlim_t value) {
  const rlimit limit{value, value};
  setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

// The first process of a pid namespace ignores signals without a handler, so one is needed to say
// what happened: before the hard limit kills, and when the kernel aborts.
void SayWhichSignal() {
  for (const int number : {SIGXCPU, SIGABRT}) {
    std::signal(number, [](int met) { _exit(128 + met); });
  }
}

void LimitProcessorTime(rlim_t seconds) {
  const rlimit limit{seconds, seconds + 1};
  setrlimit(RLIMIT_CPU, &limit);
}

void SetLimits(const RunSpec& spec) {
  Limit(RLIMIT_CORE, 0);
  Limit(RLIMIT_NOFILE, kMaxOpenFiles);
  Limit(RLIMIT_NPROC, kMaxProcesses);
  Limit(RLIMIT_FSIZE, static_cast<rlim_t>(spec.file_bytes));
  const int64_t stacks = spec.threads * kThreadBytes;
  if (spec.memory_bytes > 0) Limit(RLIMIT_AS, static_cast<rlim_t>(spec.memory_bytes + stacks));
  const double seconds = spec.cpu_seconds * spec.threads;
  if (seconds > 0) LimitProcessorTime(static_cast<rlim_t>(std::ceil(seconds)));
}

[[noreturn]] void WaitAndExitLike(pid_t child) {
  for (int fd = 0; fd <= kLastKeptFd; ++fd) close(fd);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

// The file that is to be written must be there: a rule names what exists.
bool KeepToFiles(const RunSpec& spec) {
  std::vector<FileRule> rules = SystemLibraries();
  if (spec.write_reference) {
    const int fd = open(spec.reference.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
  }
  rules.push_back({spec.library, FileAccess::kRun});
  rules.push_back({spec.reference, spec.write_reference ? FileAccess::kWrite : FileAccess::kRead});
  return RestrictFiles(rules);
}

}  // namespace

void Pin(const std::vector<int>& cores) {
  if (cores.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) {
    if (core >= 0 && core < CPU_SETSIZE) CPU_SET(core, &set);
  }
  sched_setaffinity(0, sizeof(set), &set);
}

Confinement Confine(const RunSpec& spec) {
  Confinement got;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  syscall(SYS_close_range, kLastKeptFd + 1, ~0U, 0);
  Pin(spec.ahead.empty() ? spec.cores : spec.ahead);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  got.namespaces = EnterNamespaces(/*pid_namespace=*/true);
  if (got.namespaces) {
    got.read_only_files = !spec.write_reference && MakeFilesReadOnly();
    const pid_t child = fork();
    if (child > 0) WaitAndExitLike(child);
    if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  }
  got.landlock = KeepToFiles(spec);
  SayWhichSignal();
  SetLimits(spec);
  return got;
}

}  // namespace tilewright
