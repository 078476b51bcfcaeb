#include "cli/tuning/time_networks.h"

#include <algorithm>
#include <iostream>

#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/executable.h"
#include "cli/tuning/signals.h"
#include "worker/process/network_runner.h"

namespace tilewright {
namespace {

// To ask for the machine's limits when no time is left, and to let a run that has begun end.
constexpr double kLeastSeconds = 3, kGraceSeconds = 2;

// Ctrl-C ends the last phase, what was measured of kernels stays.
class StopOnSignal {
 public:
  StopOnSignal()
      : watch_([this] {
          std::cerr << "\nleaving out the rest of the last phase\n";
          stop_.request_stop();
          interrupt_.Raise();
        }) {}
  std::stop_token token() const { return stop_.get_token(); }
  const Interrupt* interrupt() const { return &interrupt_; }

 private:
  std::stop_source stop_;
  Interrupt interrupt_;
  SignalWatch watch_;
};

absl::Status MeasureInNetwork(const InNetworkQuestion& question, const Interrupt* interrupt,
                              MeasuredNetworks* measured) {
  const LastPhase& phase = question.phase;
  const double seconds = std::max(kLeastSeconds, phase.deadline - SystemClock().Now());
  TW_ASSIGN_OR_RETURN(
      NetworkRunner runner,
      NetworkRunner::Start({.program = ExecutableFolder() / "tilewright-network-runner",
                            .threads = phase.threads,
                            .device = question.device},
                           DeadlineAfter(seconds + kGraceSeconds), interrupt));
  TW_ASSIGN_OR_RETURN(const NetworkRunner::Limits limits,
                      runner.MeasureLimits(WeightBytes(phase.spec)));
  measured->limits = {limits.flops * phase.threads, limits.bytes};
  if (!question.decide) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(measured->in_network, RunLastPhase(phase, runner));
  return absl::OkStatus();
}

}  // namespace

void SayUndecided(const std::string& why) {
  std::cerr << "not decided in the whole network: " << why
            << "; look-ups go by kernels measured alone\n";
}

MeasuredNetworks TimeNetworks(InNetworkQuestion question) {
  const StopOnSignal stop;
  question.phase.stop = stop.token();
  MeasuredNetworks measured;
  const absl::Status status = MeasureInNetwork(question, stop.interrupt(), &measured);
  if (!status.ok()) SayUndecided(std::string(status.message()));
  return measured;
}

}  // namespace tilewright
