#include "tuner/loop/task_state.h"

#include <algorithm>

#include "compiler/core/check.h"

namespace tilewright {

TaskState::TaskState(TuneItem item) : item_(std::move(item)) {
  TW_CHECK(item_.space && item_.searcher) << "a task needs a space and a searcher";
  TW_CHECK(item_.resumed_trials <= item_.history.size()) << "more resumed trials than history";
  const size_t before = item_.history.size() - item_.resumed_trials;
  for (size_t i = 0; i < item_.history.size(); ++i) {
    const Trial& trial = item_.history[i];
    given_.insert(trial.index);
    if (i == before) curve_.push_back(best_seconds_);
    if (i >= before) ++trials_;
    Note(trial);
    if (i >= before) curve_.push_back(best_seconds_);
  }
  if (curve_.empty()) curve_.push_back(best_seconds_);
  item_.searcher->Observe(item_.history);
}

void TaskState::Note(const Trial& trial) {
  const std::optional<double> seconds = MedianSeconds(trial.outcome);
  if (!seconds || (best_seconds_ && *seconds >= *best_seconds_)) return;
  best_seconds_ = seconds;
  best_ = trial;
  best_at_ = trials_;
}

std::optional<uint64_t> TaskState::Next() {
  while (next_seed_ < item_.seeds.size()) {
    const uint64_t seed = item_.seeds[next_seed_++];
    if (!given_.insert(seed).second) continue;
    ++in_flight_;
    return seed;
  }
  while (true) {
    const std::vector<uint64_t> proposed = item_.searcher->Propose(1);
    if (proposed.empty()) return std::nullopt;
    if (!given_.insert(proposed[0]).second) continue;  // a seed that is still being measured
    ++in_flight_;
    return proposed[0];
  }
}

void TaskState::Finish(const Trial& trial) {
  --in_flight_;
  ++trials_;
  if (!MedianSeconds(trial.outcome)) ++failures_;
  Note(trial);
  curve_.push_back(best_seconds_);
  item_.searcher->Observe({&trial, 1});
}

std::optional<double> TaskState::BestAfter(size_t n) const {
  return curve_[std::min(n, curve_.size() - 1)];
}

}  // namespace tilewright
