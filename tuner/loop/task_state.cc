#include "tuner/loop/task_state.h"

#include <algorithm>

#include "base/check.h"

namespace tilewright {
namespace {

// Points of a task that are confirmed before it is left at that.
constexpr size_t kMostConfirmed = 4;

bool IsFaster(const Trial& a, const Trial& b) {
  return *MedianSeconds(a.outcome) < *MedianSeconds(b.outcome);
}

// The middle one of the measurements of a point, of two the faster.
const Trial& Typical(const std::vector<Trial>& fastest_first) {
  return fastest_first[(fastest_first.size() - 1) / 2];
}

}  // namespace

TaskState::TaskState(TuneItem item) : item_(std::move(item)) {
  TW_CHECK(item_.space && item_.searcher) << "a task needs a space and a searcher";
  TW_CHECK(item_.resumed_trials <= item_.history.size()) << "more resumed trials than history";
  const size_t before = item_.history.size() - item_.resumed_trials;
  std::vector<Trial> distinct;  // without confirmations
  for (size_t i = 0; i < item_.history.size(); ++i) {
    const Trial& trial = item_.history[i];
    if (given_.insert(trial.index).second) distinct.push_back(trial);
    if (i == before) curve_.push_back(best_seconds_);
    if (i >= before) ++trials_;
    Note(trial);
    if (i >= before) curve_.push_back(best_seconds_);
  }
  if (curve_.empty()) curve_.push_back(best_seconds_);
  item_.searcher->Observe(distinct);
}

void TaskState::Note(const Trial& trial) {
  if (!MedianSeconds(trial.outcome)) return;
  std::vector<Trial>& trials = timed_[trial.index];
  const auto slower = std::upper_bound(trials.begin(), trials.end(), trial, IsFaster);
  trials.insert(slower, trial);
  if (best_ && best_->index == trial.index) return FindBest();
  const double seconds = *MedianSeconds(Typical(trials).outcome);
  if (best_seconds_ && seconds >= *best_seconds_) return;
  best_seconds_ = seconds;
  best_ = Typical(trials);
  best_at_ = trials_;
}

// After another measurement of the best point, which may have been lucky before.
void TaskState::FindBest() {
  const Trial* best = &Typical(timed_.at(best_->index));
  for (const auto& [index, trials] : timed_) {
    if (IsFaster(Typical(trials), *best)) best = &Typical(trials);
  }
  best_ = *best;
  best_seconds_ = MedianSeconds(best->outcome);
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
  Count(trial);
  item_.searcher->Observe({&trial, 1});
}

void TaskState::Count(const Trial& trial) {
  --in_flight_;
  ++trials_;
  if (!MedianSeconds(trial.outcome)) ++failures_;
  Note(trial);
  curve_.push_back(best_seconds_);
}

std::optional<uint64_t> TaskState::NextConfirmation(size_t times) {
  if (!best_ || timed_.at(best_->index).size() >= times) return std::nullopt;
  if (confirmations_ >= kMostConfirmed * times) return std::nullopt;
  ++confirmations_;
  ++in_flight_;
  return best_->index;
}

void TaskState::FinishConfirmation(const Trial& trial) { Count(trial); }

std::optional<double> TaskState::BestAfter(size_t n) const {
  return curve_[std::min(n, curve_.size() - 1)];
}

}  // namespace tilewright
