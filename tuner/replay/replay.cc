#include "tuner/replay/replay.h"

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "base/status_macros.h"
#include "tuner/search/searcher.h"

namespace tilewright {
namespace {

Trial TrialAt(const RecordedSpace& recorded, uint64_t index) {
  const auto outcome = recorded.outcomes->find(index);
  TW_CHECK(outcome != recorded.outcomes->end()) << "index " << index << " was never recorded";
  return {recorded.space.At(index), index, outcome->second};
}

}  // namespace

std::optional<size_t> ReplayRun::TrialsTo(double fraction) const {
  const auto reached =
      std::find_if(curve.begin(), curve.end(), [&](double value) { return value >= fraction; });
  if (reached == curve.end()) return std::nullopt;
  return reached - curve.begin() + 1;
}

double ReplayRun::FractionAt(size_t trials) const {
  if (curve.empty() || trials == 0) return 0;
  return curve[std::min(trials, curve.size()) - 1];
}

absl::StatusOr<ReplayRun> Replay(const RecordedSpace& recorded, const ReplayOptions& options,
                                 const Clock& clock) {
  const std::optional<double> optimum = recorded.BestSeconds();
  if (!optimum) return absl::InvalidArgumentError("every point of the recorded space failed");
  const double start = clock.Now();
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<Searcher> searcher,
                      MakeSearcher(options.strategy, {.space = recorded.space,
                                                      .seed = options.seed,
                                                      .options = options.search_options,
                                                      .flops = recorded.flops}));
  ReplayRun run;
  std::deque<uint64_t> pending;
  double best = 0;
  while (run.curve.size() < options.trials && best < options.until) {
    while (pending.size() < options.in_flight &&
           run.curve.size() + pending.size() < options.trials) {
      const std::vector<uint64_t> proposed = searcher->Propose(1);
      if (proposed.empty()) break;
      pending.push_back(proposed[0]);
    }
    if (pending.empty()) break;
    const Trial trial = TrialAt(recorded, pending.front());
    pending.pop_front();
    searcher->Observe({&trial, 1});
    const std::optional<double> seconds = MedianSeconds(trial.outcome);
    if (seconds) best = std::max(best, *optimum / *seconds);
    run.curve.push_back(best);
  }
  run.search_seconds = clock.Now() - start;
  return run;
}

std::optional<double> MedianTrialsTo(const std::vector<ReplayRun>& runs, double fraction) {
  std::vector<double> trials;
  for (const ReplayRun& run : runs) {
    const std::optional<size_t> reached = run.TrialsTo(fraction);
    trials.push_back(reached ? static_cast<double>(*reached) : 1e300);
  }
  if (trials.empty()) return std::nullopt;
  std::sort(trials.begin(), trials.end());
  const size_t n = trials.size();
  const double median = n % 2 ? trials[n / 2] : (trials[n / 2 - 1] + trials[n / 2]) / 2;
  return median < 1e100 ? std::optional(median) : std::nullopt;
}

double MeanFractionAt(const std::vector<ReplayRun>& runs, size_t trials) {
  double sum = 0;
  for (const ReplayRun& run : runs) sum += run.FractionAt(trials);
  return runs.empty() ? 0 : sum / static_cast<double>(runs.size());
}

double MeanSearchMs(const std::vector<ReplayRun>& runs) {
  double seconds = 0, trials = 0;
  for (const ReplayRun& run : runs) {
    seconds += run.search_seconds;
    trials += static_cast<double>(run.curve.size());
  }
  return trials > 0 ? seconds / trials * 1e3 : 0;
}

}  // namespace tilewright
