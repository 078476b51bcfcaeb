#include "cli/tuning/signals.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace tilewright {
namespace {

// Wakes the watching thread up to end; not used for anything else.
constexpr int kWake = SIGUSR2;

sigset_t Set(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = Set({SIGINT, SIGTERM, kWake});
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForSignal() {
  const sigset_t set = Set({SIGINT, SIGTERM});
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

SignalWatch::SignalWatch(std::function<void()> on_signal)
    : thread_([on_signal = std::move(on_signal)](std::stop_token stop) {
        const sigset_t set = Set({SIGINT, SIGTERM, kWake});
        while (!stop.stop_requested()) {
          int signal = 0;
          if (sigwait(&set, &signal) == 0 && signal != kWake) on_signal();
        }
      }) {}

SignalWatch::~SignalWatch() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), kWake);
}

void DieWithParent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

}  // namespace tilewright
