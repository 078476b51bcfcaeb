#include "worker/sandbox/system_calls.h"

#include <asm/termbits.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace tilewright {
namespace {

// Of the C library and of threads that share a loop; none opens, connects or starts anything.
constexpr int kAllowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(membarrier),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity),  // a thread of the pool binds itself as it starts
    SCMP_SYS(getcpu),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrusage),
    SCMP_SYS(pause),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),  // abort
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};
constexpr int kLastWritable = 3;  // standard output and error lead nowhere, 3 takes the result

bool AddRules(scmp_filter_ctx filter) {
  bool good = true;
  const auto allow = [&](int call, unsigned count, scmp_arg_cmp condition) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, count, condition) == 0;
  };
  for (const int call : kAllowed) allow(call, 0, {});
  allow(SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_LE, kLastWritable));
  allow(SCMP_SYS(writev), 1, SCMP_A0(SCMP_CMP_LE, kLastWritable));
  allow(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS));  // stdio asks whether it is a terminal
  // No memory that is not code becomes code: what is timed is what was loaded.
  allow(SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  allow(SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  return good;
}

}  // namespace

bool ForbidSystemCalls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (!filter) return false;
  // Also for threads that run already.
  const bool done = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && AddRules(filter) &&
                    seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

}  // namespace tilewright
