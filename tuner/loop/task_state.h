// Where one task of a job stands. Not thread-safe.
#pragma once

#include <optional>
#include <unordered_map>
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
  // The best point, while it was measured fewer than `times`; nullopt: it is confirmed, or so many
  // points failed to be that it is left at that. The result goes to FinishConfirmation; the
  // searcher does not see it.
  std::optional<uint64_t> NextConfirmation(size_t times);
  void FinishConfirmation(const Trial& trial);

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
  void Count(const Trial& trial);
  void Note(const Trial& trial);
  void FindBest();

  TuneItem item_;
  std::unordered_map<uint64_t, std::vector<Trial>> timed_;  // by point, fastest first
  std::unordered_set<uint64_t> given_;                      // measured before, or handed out
  size_t next_seed_ = 0;
  size_t trials_ = 0, failures_ = 0, in_flight_ = 0, confirmations_ = 0;
  std::optional<Trial> best_;
  std::optional<double> best_seconds_;
  size_t best_at_ = 0;                        // trials_ when it was found
  std::vector<std::optional<double>> curve_;  // best_seconds_ before the first trial, after each
};

}  // namespace tilewright
