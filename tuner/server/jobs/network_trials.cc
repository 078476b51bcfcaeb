#include "tuner/server/jobs/network_trials.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/network.h"

namespace tilewright {
namespace {

constexpr double kMostRoundSeconds = 120;
constexpr double kLookSeconds = 0.1;

// Where the result comes, on another thread, perhaps when nobody waits any more.
struct Mailbox {
  Measured measured;
  std::promise<void> arrived;
};

}  // namespace

absl::StatusOr<int> NetworkTrials::Load(const NetworkOptions& options) {
  loaded_.push_back(options);
  return static_cast<int>(loaded_.size()) - 1;
}

v1::NetworkRound NetworkTrials::RoundOf(const std::vector<int>& networks,
                                        const NetworkTurns& turns) const {
  v1::NetworkRound round;
  *round.mutable_network() = setup_.network;
  round.set_target(ToString(setup_.target));
  for (const LayerChoice& choice : setup_.choices) {
    v1::NetworkLayer& layer = *round.add_layers();
    layer.set_workload(choice.workload.Key());
    for (const LayerOption& option : choice.options) {
      v1::NetworkOption& message = *layer.add_options();
      message.set_template_name(option.template_name);
      message.set_config(EntitiesToJson(option.config));
    }
  }
  for (const int network : networks) {
    v1::NetworkMix& mix = *round.add_mixes();
    for (const int option : loaded_[static_cast<size_t>(network)]) {
      mix.add_options(static_cast<uint32_t>(option));
    }
  }
  round.set_least_rounds(NetworkTurns::kLeastRounds);
  round.set_most_rounds(NetworkTurns::kMostRounds);
  double left = std::min(turns.until, turns.deadline) - turns.clock.Now();
  if (setup_.deadline > 0) left = std::min(left, setup_.deadline - setup_.clock.Now());
  round.set_seconds(std::clamp(left, 0.0, kMostRoundSeconds));
  round.set_threads(setup_.threads);
  return round;
}

absl::StatusOr<TrialRequest> NetworkTrials::RequestOf(const v1::NetworkRound& round) const {
  TrialRequest request{.job = setup_.job,
                       .device_key = setup_.device_key,
                       .task = std::make_shared<const Task>(
                           Task{setup_.choices.front().workload, "", setup_.target}),
                       .owner = setup_.owner,
                       .weight = setup_.weight};
  request.options.threads = setup_.threads;
  request.network = std::make_shared<const std::string>(round.SerializeAsString());
  // Said here rather than by every worker.
  TW_RETURN_IF_ERROR(ReadNetworkRound(*request.network).status());
  return request;
}

absl::Status NetworkTrials::MayWait(const TrialRequest& asked) const {
  if (setup_.stop.stop_requested()) return absl::CancelledError("interrupted");
  if (setup_.deadline > 0 && setup_.clock.Now() >= setup_.deadline) {
    return absl::DeadlineExceededError("the job's time was over before its networks had run");
  }
  const absl::Status there = setup_.dispatcher.MayTimeNetwork(asked);
  return absl::IsFailedPrecondition(there) ? there : absl::OkStatus();
}

// Until a worker has told something, or it is no use to wait.
absl::StatusOr<Measured> NetworkTrials::Await(TrialRequest request) const {
  const auto mailbox = std::make_shared<Mailbox>();
  const std::shared_future<void> arrived = mailbox->arrived.get_future().share();
  const TrialRequest asked = request;
  setup_.dispatcher.Submit(std::move(request), [mailbox](Measured measured) {
    mailbox->measured = std::move(measured);
    mailbox->arrived.set_value();
  });
  absl::Status why;
  while (!setup_.activities.WaitFor(arrived, kLookSeconds)) {
    if (why.ok()) why = MayWait(asked);
    if (!why.ok()) setup_.dispatcher.CancelJob(setup_.job);
  }
  if (mailbox->measured.dropped) return why.ok() ? absl::CancelledError("interrupted") : why;
  return std::move(mailbox->measured);
}

// What a worker's clock says of a layer is possible, and enough to compare it by.
absl::Status NetworkTrials::CheckRun(const v1::NetworkSeconds& run) const {
  for (int i = 0; i < run.layers_size(); ++i) {
    const LayerChoice& choice = setup_.choices[static_cast<size_t>(i)];
    const Task kernel{choice.workload, "", setup_.target};
    const double seconds = run.layers(i) / choice.count;
    if (seconds > 0 && IsPossible(kernel, Timing{{seconds}})) continue;
    return absl::InvalidArgumentError(absl::StrCat("the worker ", worker_, " told ", run.layers(i),
                                                   " s of ", choice.workload.Key()));
  }
  return absl::OkStatus();
}

absl::StatusOr<NetworkRuns> NetworkTrials::RunsOf(const v1::NetworkTimes& times) const {
  NetworkRuns runs;
  for (const v1::NetworkRuns& mix : times.mixes()) {
    runs.emplace_back();
    for (const v1::NetworkSeconds& run : mix.rounds()) {
      TW_RETURN_IF_ERROR(CheckRun(run));
      runs.back().push_back({run.whole(), {run.layers().begin(), run.layers().end()}});
    }
  }
  return runs;
}

absl::StatusOr<NetworkRuns> NetworkTrials::RunInTurn(const std::vector<int>& networks,
                                                     const NetworkTurns& turns) {
  TW_RETURN_IF_ERROR(turns.MayGoOn(0));
  const v1::NetworkRound round = RoundOf(networks, turns);
  TW_ASSIGN_OR_RETURN(TrialRequest request, RequestOf(round));
  TW_ASSIGN_OR_RETURN(const Measured measured, Await(std::move(request)));
  if (!measured.fault.empty()) return absl::UnavailableError(measured.fault);
  if (measured.network.empty()) {
    const auto* failure = std::get_if<Failure>(&measured.outcome);
    return absl::UnavailableError(failure ? failure->message : "no worker told anything");
  }
  worker_ = measured.worker;
  device_ = measured.device;
  TW_ASSIGN_OR_RETURN(const v1::NetworkTimes times, ReadNetworkTimes(measured.network, round));
  if (!times.left_out().empty()) return absl::FailedPreconditionError(times.left_out());
  TW_ASSIGN_OR_RETURN(NetworkRuns runs, RunsOf(times));
  for (const auto& of_network : runs) {
    for (const NetworkRun& run : of_network) run_clock_.seconds += run.seconds;
  }
  return runs;
}

}  // namespace tilewright
