#include "worker/sandbox/system_calls.h"

#include <asm/termbits.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>

namespace tilewright {
namespace {

// Of the C library and of threads that share a loop; none opens, connects or starts anything.
constexpr int kAllowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),  // the dynamic loader
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
    SCMP_SYS(poll),  // a runner waits for its turn
    SCMP_SYS(ppoll),
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

// Makes an intercepted call return `value`.
#if defined(__x86_64__)
constexpr bool kKnowsResults = true;
void SetResult(ucontext_t* context, int value) { context->uc_mcontext.gregs[REG_RAX] = value; }
#elif defined(__aarch64__)
constexpr bool kKnowsResults = true;
void SetResult(ucontext_t* context, int value) { context->uc_mcontext.regs[0] = value; }
#elif defined(__arm__)
constexpr bool kKnowsResults = true;
void SetResult(ucontext_t* context, int value) { context->uc_mcontext.arm_r0 = value; }
#else
constexpr bool kKnowsResults = false;
void SetResult(ucontext_t*, int) {}
#endif

std::atomic<int> library_to_open = -1;

// Instead of an open, which never happens: the first is the loader's and is given what was opened
// for it, any other the kernel's. It ends by an exit, because the first process of a pid namespace
// ignores signals that it sends itself.
void OnOpen(int, siginfo_t*, void* context) {
  const int library = library_to_open.exchange(-1);
  if (library < 0) _exit(128 + SIGSYS);
  SetResult(static_cast<ucontext_t*>(context), library);
}

bool HandOverAtOpen(int library) {
  if (!kKnowsResults) return false;
  library_to_open = library;
  struct sigaction action{};
  action.sa_sigaction = OnOpen;
  action.sa_flags = SA_SIGINFO;
  return sigaction(SIGSYS, &action, nullptr) == 0;
}

bool AddRules(scmp_filter_ctx filter, const KeptFiles& files) {
  bool good = true;
  const auto allow = [&](int call, unsigned count, scmp_arg_cmp condition) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, count, condition) == 0;
  };
  for (const int call : kAllowed) allow(call, 0, {});
  allow(SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_LE, kLastWritable));
  allow(SCMP_SYS(writev), 1, SCMP_A0(SCMP_CMP_LE, kLastWritable));
  if (files.written >= 0) {
    allow(SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(files.written)));
  }
  allow(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS));  // stdio asks whether it is a terminal
  // No memory that is not code becomes code: what is timed is what was loaded.
  allow(SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  allow(SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  if (files.library >= 0) {
    const scmp_arg_cmp library[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0),
                                    SCMP_A4(SCMP_CMP_EQ, static_cast<scmp_datum_t>(files.library))};
    good = good && seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, library) == 0;
  }
  return good && seccomp_rule_add(filter, SCMP_ACT_TRAP, SCMP_SYS(openat), 0) == 0;
}

}  // namespace

bool ForbidSystemCalls(const KeptFiles& files) {
  if (!HandOverAtOpen(files.library)) return false;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (!filter) return false;
  // Also for threads that run already.
  const bool done = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
                    AddRules(filter, files) && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

}  // namespace tilewright
