#include "tuner/loop/in_network.h"

#include <algorithm>
#include <map>

#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr double kLeastGain = 0.005;
// Of the time, what compiling and running in turn may take before the mix is made.
constexpr double kExploreShare = 0.6;

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

// Whether what `one` tells of the rounds is faster than what `other` tells, pair by pair.
bool IsFaster(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> ratios;
  for (size_t i = 0; i < one.size(); ++i) ratios.push_back(one[i] / other[i]);
  return Quantile(ratios, 0.75) < 1 && Median(ratios) < 1 - kLeastGain;
}

std::vector<double> WholeSeconds(const std::vector<NetworkRun>& runs) {
  std::vector<double> seconds;
  for (const NetworkRun& run : runs) seconds.push_back(run.seconds);
  return seconds;
}

class Decider {
 public:
  Decider(const NetworkQuestion& question, NetworkTimer& timer, const Clock& clock)
      : question_(question),
        timer_(timer),
        clock_(clock),
        start_(clock.Now()),
        load_seconds_(question.load_seconds) {}

  absl::StatusOr<NetworkDecision> Decide() {
    TW_ASSIGN_OR_RETURN(const std::vector<NetworkOptions> explored, LoadColumns());
    TW_ASSIGN_OR_RETURN(const auto runs, RunInTurn(explored, Until(kExploreShare)));
    std::vector<NetworkOptions> finalists = {explored[0]};
    if (explored.size() > 1) finalists.push_back(explored[1]);
    const NetworkOptions mix = BestInPlace(explored, runs);
    if (std::find(finalists.begin(), finalists.end(), mix) == finalists.end()) {
      TW_RETURN_IF_ERROR(Load(mix));
      finalists.push_back(mix);
    }
    TW_ASSIGN_OR_RETURN(auto last, RunInTurn(finalists, question_.deadline));
    const size_t best = BestWhole(last);
    return NetworkDecision{finalists[best], last[0], last[best]};
  }

 private:
  double Until(double share) const { return start_ + share * (question_.deadline - start_); }

  NetworkTurns TurnsUntil(double until) const {
    return {clock_, until, question_.deadline, question_.stop};
  }

  absl::Status Load(const NetworkOptions& options) {
    if (loaded_.contains(options)) return absl::OkStatus();
    TW_RETURN_IF_ERROR(TurnsUntil(0).MayGoOn(load_seconds_));
    const double start = clock_.Now();
    TW_ASSIGN_OR_RETURN(loaded_[options], timer_.Load(options));
    load_seconds_ = clock_.Now() - start;
    return absl::OkStatus();
  }

  // All kinds with their first option, with their second (or last), ...; as many as time allows, at
  // least two where there are.
  absl::StatusOr<std::vector<NetworkOptions>> LoadColumns() {
    const int most =
        *std::max_element(question_.option_counts.begin(), question_.option_counts.end());
    std::vector<NetworkOptions> columns;
    for (int column = 0; column < most; ++column) {
      if (column >= 2 && !TimeForAnother()) break;
      NetworkOptions options;
      for (const int count : question_.option_counts)
        options.push_back(std::min(column, count - 1));
      TW_RETURN_IF_ERROR(Load(options));
      columns.push_back(std::move(options));
    }
    return columns;
  }

  // Another one and the mix can be loaded in half of the time.
  bool TimeForAnother() const { return clock_.Now() + 2 * load_seconds_ < Until(0.5); }

  absl::StatusOr<NetworkRuns> RunInTurn(const std::vector<NetworkOptions>& networks, double until) {
    std::vector<int> loaded;
    for (const NetworkOptions& options : networks) loaded.push_back(loaded_.at(options));
    return timer_.RunInTurn(loaded, TurnsUntil(until));
  }

  NetworkOptions BestInPlace(const std::vector<NetworkOptions>& networks,
                             const NetworkRuns& runs) const {
    NetworkOptions best;
    for (size_t layer = 0; layer < question_.option_counts.size(); ++layer) {
      std::map<int, std::vector<double>> seconds;  // by option; of the first network that has it
      for (size_t i = 0; i < networks.size(); ++i) {
        std::vector<double>& of_option = seconds[networks[i][layer]];
        if (!of_option.empty()) continue;
        for (const NetworkRun& run : runs[i]) of_option.push_back(run.layers[layer]);
      }
      best.push_back(BestOption(seconds));
    }
    return best;
  }

  static int BestOption(const std::map<int, std::vector<double>>& seconds) {
    int best = 0;
    for (const auto& [option, times] : seconds) {
      const bool beats_default = option != 0 && IsFaster(times, seconds.at(0));
      if (beats_default && Median(times) < Median(seconds.at(best))) best = option;
    }
    return best;
  }

  static size_t BestWhole(const NetworkRuns& runs) {
    const std::vector<double> defaults = WholeSeconds(runs[0]);
    size_t best = 0;
    double fastest = Median(defaults);
    for (size_t i = 1; i < runs.size(); ++i) {
      const std::vector<double> seconds = WholeSeconds(runs[i]);
      if (!IsFaster(seconds, defaults) || Median(seconds) >= fastest) continue;
      best = i;
      fastest = Median(seconds);
    }
    return best;
  }

  const NetworkQuestion& question_;
  NetworkTimer& timer_;
  const Clock& clock_;
  const double start_;
  double load_seconds_;  // of the next Load, as far as is known
  std::map<NetworkOptions, int> loaded_;
};

}  // namespace

double SecondsForNetworks(double budget) { return std::min(budget / 4, kMostNetworkSeconds); }

absl::Status NetworkTurns::MayGoOn(double seconds) const {
  if (stop.stop_requested()) return absl::CancelledError("interrupted");
  if (clock.Now() + seconds < deadline) return absl::OkStatus();
  return absl::DeadlineExceededError("there is no time for it");
}

absl::StatusOr<NetworkRuns> SteppedNetworkTimer::RunInTurn(const std::vector<int>& networks,
                                                           const NetworkTurns& turns) {
  NetworkRuns runs(networks.size());
  for (size_t round = 0; round < NetworkTurns::kMostRounds; ++round) {
    if (round >= NetworkTurns::kLeastRounds && turns.clock.Now() >= turns.until) break;
    TW_RETURN_IF_ERROR(turns.MayGoOn(0));
    for (size_t i = 0; i < networks.size(); ++i) {
      TW_ASSIGN_OR_RETURN(NetworkRun run, Run(networks[i]));
      runs[i].push_back(std::move(run));
    }
  }
  return runs;
}

absl::StatusOr<NetworkDecision> DecideInNetwork(const NetworkQuestion& question,
                                                NetworkTimer& timer, const Clock& clock) {
  return Decider(question, timer, clock).Decide();
}

}  // namespace tilewright
