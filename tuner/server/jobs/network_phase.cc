#include "tuner/server/jobs/network_phase.h"

#include <algorithm>
#include <future>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "proto/network.h"
#include "records/lookup/network_choices.h"
#include "tuner/server/jobs/network_trials.h"

namespace tilewright {
namespace {

// In which networks run: enough for the most rounds of networks of a tenth of a second.
constexpr double kRunSeconds = 60;

uint32_t ThreadsOfNetwork(const v1::JobSpec& spec) { return std::max(1u, spec.threads()); }

absl::StatusOr<ChoiceQuestion> QuestionOf(const v1::JobSpec& spec, bool exact) {
  ChoiceQuestion question{.device_key = spec.key(),
                          .threads = static_cast<int>(ThreadsOfNetwork(spec)),
                          .exact = exact};
  std::set<std::string> seen;
  for (const v1::JobTask& message : spec.tasks()) {
    if (!seen.insert(message.task().workload()).second) continue;
    TW_ASSIGN_OR_RETURN(const Task task, FromMessage(message.task()));
    question.layers.push_back({task.workload, std::max(1u, message.count())});
    if (seen.size() > 1 && ToString(task.target) != ToString(question.target)) {
      return absl::FailedPreconditionError("the job's tasks are for several targets");
    }
    question.target = task.target;
  }
  return question;
}

absl::StatusOr<v1::Network> ModelOf(const v1::JobSpec& spec) {
  if (spec.network().empty()) {
    return absl::FailedPreconditionError("the client sent no model (an older one?)");
  }
  TW_ASSIGN_OR_RETURN(v1::Network network, ReadNetwork(spec.network()));
  if (network.model().empty()) return absl::FailedPreconditionError(network.left_out());
  return network;
}

Timing TimingOf(const std::vector<NetworkRun>& runs, size_t layer, uint32_t count) {
  Timing timing;
  for (const NetworkRun& run : runs) timing.seconds.push_back(run.layers[layer] / count);
  return timing;
}

double MedianOfLayer(const std::vector<NetworkRun>& runs, size_t layer) {
  return MedianSeconds(Outcome(TimingOf(runs, layer, 1))).value_or(0);
}

double MedianOfWhole(const std::vector<NetworkRun>& runs) {
  Timing timing;
  for (const NetworkRun& run : runs) timing.seconds.push_back(run.seconds);
  return MedianSeconds(Outcome(timing)).value_or(0);
}

v1::NetworkResult ResultOf(const std::vector<LayerChoice>& choices, const NetworkDecision& decision,
                           const std::string& worker) {
  v1::NetworkResult result;
  result.set_rounds(static_cast<uint32_t>(decision.decided.size()));
  result.set_default_seconds(MedianOfWhole(decision.defaults));
  result.set_tuned_seconds(MedianOfWhole(decision.decided));
  result.set_worker(worker);
  for (size_t i = 0; i < choices.size(); ++i) {
    v1::NetworkGain& gain = *result.add_layers();
    gain.set_workload(choices[i].workload.Key());
    gain.set_default_seconds(MedianOfLayer(decision.defaults, i));
    gain.set_tuned_seconds(MedianOfLayer(decision.decided, i));
  }
  return result;
}

absl::Status StoreDecision(const NetworkPhase& phase, const std::vector<LayerChoice>& choices,
                           const NetworkDecision& decision, const TimedNetwork& where) {
  std::vector<Record> records;
  for (size_t i = 0; i < choices.size(); ++i) {
    records.push_back(DecisionRecord(choices[i], static_cast<size_t>(decision.options[i]),
                                     TimingOf(decision.decided, i, choices[i].count), where));
  }
  const auto status = std::make_shared<absl::Status>();
  const auto tried = std::make_shared<std::promise<void>>();
  const std::shared_future<void> done = tried->get_future().share();
  phase.recorder.StoreAll(std::move(records), [status, tried](absl::Status result) {
    *status = std::move(result);
    tried->set_value();
  });
  if (phase.activities.WaitFor(done, kUntilWoken)) return *status;
  return absl::UnavailableError("what was decided could not be stored");
}

absl::StatusOr<NetworkDecision> Decide(const std::vector<LayerChoice>& choices,
                                       NetworkTrials& trials, std::stop_token stop) {
  NetworkQuestion question{.deadline = trials.run_clock().Now() + kRunSeconds,
                           .stop = std::move(stop)};
  for (const LayerChoice& choice : choices) {
    question.option_counts.push_back(static_cast<int>(choice.options.size()));
  }
  return DecideInNetwork(question, trials, trials.run_clock());
}

absl::StatusOr<v1::NetworkResult> Run(const NetworkPhase& phase) {
  TW_ASSIGN_OR_RETURN(const v1::Network network, ModelOf(phase.spec));
  TW_ASSIGN_OR_RETURN(const ChoiceQuestion question, QuestionOf(phase.spec, network.exact()));
  TW_ASSIGN_OR_RETURN(const std::vector<LayerChoice> choices,
                      NetworkChoices(phase.store, question));
  if (choices.empty()) {
    return absl::FailedPreconditionError("no layer has another config than the default");
  }
  if (phase.begins) phase.begins();
  NetworkTrials trials({.dispatcher = phase.dispatcher,
                        .activities = phase.activities,
                        .job = phase.job,
                        .device_key = phase.spec.key(),
                        .owner = phase.owner,
                        .weight = phase.weight,
                        .threads = ThreadsOfNetwork(phase.spec),
                        .network = network,
                        .target = question.target,
                        .choices = choices,
                        .clock = phase.clock,
                        .deadline = phase.deadline,
                        .stop = phase.stop});
  TW_ASSIGN_OR_RETURN(const NetworkDecision decision, Decide(choices, trials, phase.stop));
  TW_RETURN_IF_ERROR(StoreDecision(phase, choices, decision,
                                   {.target = question.target,
                                    .device_key = phase.spec.key(),
                                    .device = trials.device(),
                                    .worker = trials.worker(),
                                    .job = phase.job,
                                    .threads = question.threads,
                                    .unix_time = phase.clock.UnixTime(),
                                    .software = "tilewright " TILEWRIGHT_VERSION}));
  return ResultOf(choices, decision, trials.worker());
}

}  // namespace

absl::StatusOr<v1::NetworkResult> RunNetworkPhase(const NetworkPhase& phase) {
  absl::StatusOr<v1::NetworkResult> result = Run(phase);
  if (result.ok() || absl::IsCancelled(result.status())) return result;
  v1::NetworkResult left_out;
  left_out.set_left_out(LeftOutText(std::string(result.status().message())));
  return left_out;
}

}  // namespace tilewright
