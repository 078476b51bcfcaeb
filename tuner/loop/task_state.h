// Where one task of a job stands. Not thread-safe.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tuner/loop/tune.h"

namespace tilewright {

// What a search gains lately is judged by so many trials: three rounds (tuner/loop/allocate.h).
inline constexpr size_t kRecentTrials = 24;

class TaskState {
 public:
  // Shows the history to the searcher, and forgets it.
  explicit TaskState(TuneItem item);

  const TuneItem& item() const { return item_; }

  // The next point to measure: seeds first, then what the searcher proposes; never one that was
  // measured or is being measured. nullopt: nothing is left.
  std::optional<uint64_t> Next();
  // A point that is measured whatever the searcher would say: it was, in an earlier life.
  void Start(uint64_t index);
  // Takes a point back that Next gave: it is not measured.
  void TakeBack(uint64_t index);
  // A result arrived for a point that Next or Start gave.
  void Finish(const Trial& trial);
  // No result will come for such a point: it is given again later.
  void GiveUp(uint64_t index);
  // The best point, while it was measured fewer than `times`; nullopt: it is confirmed, or so many
  // points failed to be that it is left at that. The result goes to FinishConfirmation; the
  // searcher does not see it.
  std::optional<uint64_t> NextConfirmation(size_t times);
  void StartConfirmation();
  void FinishConfirmation(const Trial& trial);
  void GiveUpConfirmation();
  // What was measured of a point was wrong: nothing is known of it any more, and Next gives it
  // again, before all others. The searcher keeps what it has seen until it sees the next result.
  void Withdraw(uint64_t index);
  // Next will give a point that was withdrawn.
  bool owes() const { return !withdrawn_.empty(); }

  size_t trials() const { return trials_; }
  size_t failures() const { return failures_; }
  // Trials of whose results something is known.
  size_t known() const { return trials_ - std::min(trials_, withdrawals_); }
  size_t in_flight() const { return in_flight_; }
  // Started by this job: finished or in flight.
  size_t started() const { return trials_ + in_flight_; }
  // With the middle one of the point's measurements.
  std::optional<Trial> best() const;
  std::optional<double> best_seconds() const { return best_seconds_; }
  double best_flops() const { return best_seconds_ ? item_.flops / *best_seconds_ : 0; }
  // Best seconds kRecentTrials trials ago, or before the job's first; nullopt: there was none yet.
  std::optional<double> BestBefore() const;
  // Trials since the best one was found, or since the start.
  size_t TrialsSinceBest() const { return trials_ - best_at_; }

 private:
  void Count(const Trial& trial);
  void Note(const Trial& trial);
  void NoteBest();
  void FindBest();
  size_t TimesOf(uint64_t index) const;

  TuneItem item_;
  // A job has a million of both.
  absl::flat_hash_map<uint64_t, double> timed_;       // by point, the middle one of its medians
  absl::flat_hash_set<uint64_t> given_;               // measured before, or handed out
  std::map<uint64_t, std::vector<double>> repeated_;  // medians of points with several, ascending
  std::set<uint64_t> owed_;         // withdrawn points that have no other result yet
  std::deque<uint64_t> withdrawn_;  // those of them that are not being measured
  size_t next_seed_ = 0;
  size_t trials_ = 0, failures_ = 0, in_flight_ = 0, confirmations_ = 0, withdrawals_ = 0;
  uint64_t best_index_ = 0;  // when best_seconds_ is set
  std::optional<double> best_seconds_;
  size_t best_at_ = 0;  // trials_ when it was found
  // Best seconds before the last kRecentTrials trials and after each; 0 = none.
  std::deque<double> recent_;
  double best_before_ = 0;  // the first of them, beside what else is asked of all tasks at once
};

}  // namespace tilewright
