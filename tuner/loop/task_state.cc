#include "tuner/loop/task_state.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tilewright {
namespace {

// Points of a task that are confirmed before it is left at that.
constexpr size_t kMostConfirmed = 4;

// The middle one of the measurements of a point, of two the faster.
double Typical(const std::vector<double>& ascending) {
  return ascending[(ascending.size() - 1) / 2];
}

// It was measured, and nothing else is known of it any more.
bool IsForgotten(const Outcome& outcome) {
  const auto* timing = std::get_if<Timing>(&outcome);
  return timing && timing->seconds.empty();
}

}  // namespace

TaskState::TaskState(TuneItem item) : item_(std::move(item)) {
  TW_CHECK(item_.space) << "a task needs a space";
  std::vector<Trial> distinct;  // without confirmations
  for (const Trial& trial : item_.history) {
    if (given_.insert(trial.index).second) distinct.push_back(trial);
    Note(trial);
  }
  item_.history = {};
  best_at_ = 0;
  NoteBest();
  if (item_.searcher) item_.searcher->Observe(distinct);
}

void TaskState::Note(const Trial& trial) {
  const std::optional<double> median = MedianSeconds(trial.outcome);
  if (!median) return;
  const auto [timed, first] = timed_.try_emplace(trial.index, *median);
  if (!first) {
    std::vector<double>& medians = repeated_[trial.index];
    if (medians.empty()) medians.push_back(timed->second);
    medians.insert(std::upper_bound(medians.begin(), medians.end(), *median), *median);
    timed->second = Typical(medians);
  }
  if (best_seconds_ && best_index_ == trial.index) return FindBest();
  const double seconds = timed->second;
  if (best_seconds_ && seconds >= *best_seconds_) return;
  best_seconds_ = seconds;
  best_index_ = trial.index;
  best_at_ = trials_;
}

// After another measurement of the best point, which may have been lucky before, or none of it. Of
// equals the first in the space: the order of a hash table must not decide.
void TaskState::FindBest() {
  best_seconds_.reset();
  for (const auto& [index, seconds] : timed_) {
    if (best_seconds_ && std::pair(seconds, index) >= std::pair(*best_seconds_, best_index_)) {
      continue;
    }
    best_seconds_ = seconds;
    best_index_ = index;
  }
}

size_t TaskState::TimesOf(uint64_t index) const {
  const auto repeated = repeated_.find(index);
  return repeated == repeated_.end() ? timed_.count(index) : repeated->second.size();
}

std::optional<Trial> TaskState::best() const {
  if (!best_seconds_) return std::nullopt;
  return Trial{item_.space->At(best_index_), best_index_, Timing{{*best_seconds_}}};
}

std::optional<uint64_t> TaskState::Next() {
  if (owes()) {
    const uint64_t index = withdrawn_.front();
    Start(index);
    return index;
  }
  while (next_seed_ < item_.seeds.size()) {
    const uint64_t seed = item_.seeds[next_seed_++];
    if (!given_.insert(seed).second) continue;
    ++in_flight_;
    return seed;
  }
  while (item_.searcher) {
    const std::vector<uint64_t> proposed = item_.searcher->Propose(1);
    if (proposed.empty()) return std::nullopt;
    if (!given_.insert(proposed[0]).second) continue;  // a seed that is still being measured
    ++in_flight_;
    return proposed[0];
  }
  return std::nullopt;
}

void TaskState::Start(uint64_t index) {
  std::erase(withdrawn_, index);
  given_.insert(index);
  ++in_flight_;
}

void TaskState::TakeBack(uint64_t index) {
  given_.erase(index);
  --in_flight_;
  if (owed_.contains(index)) withdrawn_.push_back(index);
}

void TaskState::Finish(const Trial& trial) {
  owed_.erase(trial.index);
  Count(trial);
  if (item_.searcher && !IsForgotten(trial.outcome)) item_.searcher->Observe({&trial, 1});
}

void TaskState::GiveUp(uint64_t index) {
  TakeBack(index);
  if (!owed_.contains(index)) item_.seeds.push_back(index);
}

void TaskState::Withdraw(uint64_t index) {
  ++withdrawals_;
  timed_.erase(index);
  repeated_.erase(index);
  owed_.insert(index);
  withdrawn_.push_back(index);
  if (!best_seconds_ || best_index_ != index) return;
  FindBest();
  best_at_ = trials_;  // early stopping waits for what is now to be found
}

void TaskState::Count(const Trial& trial) {
  --in_flight_;
  ++trials_;
  if (std::holds_alternative<Failure>(trial.outcome)) ++failures_;
  Note(trial);
  NoteBest();
}

std::optional<uint64_t> TaskState::NextConfirmation(size_t times) {
  if (!best_seconds_ || TimesOf(best_index_) >= times) return std::nullopt;
  if (confirmations_ >= kMostConfirmed * times) return std::nullopt;
  StartConfirmation();
  return best_index_;
}

void TaskState::StartConfirmation() {
  ++confirmations_;
  ++in_flight_;
}

void TaskState::FinishConfirmation(const Trial& trial) { Count(trial); }

void TaskState::GiveUpConfirmation() { --in_flight_; }

void TaskState::NoteBest() {
  recent_.push_back(best_seconds_.value_or(0));
  if (recent_.size() > kRecentTrials + 1) recent_.pop_front();
  best_before_ = recent_.front();
}

std::optional<double> TaskState::BestBefore() const {
  return best_before_ > 0 ? std::optional(best_before_) : std::nullopt;
}

}  // namespace tilewright
