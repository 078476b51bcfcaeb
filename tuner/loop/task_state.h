// Where one task of a job stands. Not thread-safe.
#pragma once

#include <optional>
#include <unordered_set>
#include <vector>

#include "tuner/loop/tune.h"

namespace tilewright {

class TaskState {
 public:
  // Shows the history to the searcher.
  explicit TaskState(TuneItem item);

  const TuneItem& item() const { return item_; }

  // The next point to measure: seeds first, then what the searcher proposes; never one that was
  // measured or is being measured. nullopt: nothing is left.
  std::optional<uint64_t> Next();
  // A result arrived for a point that Next gave.
  void Finish(const Trial& trial);

  size_t trials() const { return trials_; }
  size_t failures() const { return failures_; }
  size_t in_flight() const { return in_flight_; }
  // Started by this job: finished or in flight.
  size_t started() const { return trials_ + in_flight_; }
  const std::optional<Trial>& best() const { return best_; }
  std::optional<double> best_seconds() const { return best_seconds_; }
  double best_flops() const { return best_seconds_ ? item_.flops / *best_seconds_ : 0; }
  // Best seconds after the first n trials of the job; nullopt when there was none yet.
  std::optional<double> BestAfter(size_t n) const;
  // Trials since the best one was found, or since the start.
  size_t TrialsSinceBest() const { return trials_ - best_at_; }

 private:
  void Note(const Trial& trial);

  TuneItem item_;
  std::unordered_set<uint64_t> given_;  // measured before, or handed out
  size_t next_seed_ = 0;
  size_t trials_ = 0, failures_ = 0, in_flight_ = 0;
  std::optional<Trial> best_;
  std::optional<double> best_seconds_;
  size_t best_at_ = 0;                        // trials_ when it was found
  std::vector<std::optional<double>> curve_;  // best_seconds_ before the first trial, after each
};

}  // namespace tilewright
