// Runs strategies on recorded spaces: the same observations as on a machine, in milliseconds.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "tuner/replay/recorded_space.h"

namespace tilewright {

struct ReplayOptions {
  std::string strategy;
  std::map<std::string, std::string> search_options;
  uint64_t seed = 0;
  size_t trials = 200;
  size_t in_flight = 4;  // proposals outstanding while another is asked for
  double until = 1;      // ends when the curve reaches it
};

// One run of one strategy.
struct ReplayRun {
  std::vector<double> curve;  // best seconds of the space / best so far, after each trial
  double search_seconds = 0;  // in Propose and Observe, together
  // Trials until the curve reaches a fraction of the optimum; nullopt when it never did.
  std::optional<size_t> TrialsTo(double fraction) const;
  // The curve after `trials`, or its end when it is shorter; 0 before any.
  double FractionAt(size_t trials) const;
};

// InvalidArgument for an unknown strategy or option, or a space where every point failed.
absl::StatusOr<ReplayRun> Replay(const RecordedSpace& recorded, const ReplayOptions& options,
                                 const Clock& clock);

// Median over runs of TrialsTo, a miss counting as infinite: nullopt when half of them missed.
std::optional<double> MedianTrialsTo(const std::vector<ReplayRun>& runs, double fraction);
double MeanFractionAt(const std::vector<ReplayRun>& runs, size_t trials);
// Of searching, per trial: milliseconds.
double MeanSearchMs(const std::vector<ReplayRun>& runs);

}  // namespace tilewright
