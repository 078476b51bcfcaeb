#include "tuner/server/dispatch/health_book.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

// Names with something against them that are remembered: names are the peers' to choose.
constexpr size_t kMaxEntries = 10'000;
constexpr size_t kMaxReason = 300;

}  // namespace

bool HealthBook::OnFault(const std::string& worker, const std::string& reason, double now) {
  if (entries_.size() >= kMaxEntries && !entries_.contains(worker))
    entries_.erase(entries_.begin());
  Entry& entry = entries_[worker];
  ++entry.faults;
  ++entry.in_a_row;
  const bool known_bad = now < entry.until || entry.own_word;
  if (known_bad) return false;
  if (!entry.probation && entry.in_a_row < options_.faults_in_a_row) return false;
  const double doubled = options_.quarantine_seconds * std::exp2(std::min(entry.quarantines, 30));
  entry.until = now + std::min(doubled, options_.quarantine_limit);
  ++entry.quarantines;
  entry.probation = true;
  entry.reason =
      absl::StrCat(entry.in_a_row, " faults in a row, the last: ", reason.substr(0, kMaxReason));
  return true;
}

void HealthBook::OnMeasurement(const std::string& worker) {
  const auto it = entries_.find(worker);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  entry.in_a_row = 0;
  entry.quarantines = 0;
  entry.probation = false;
  entry.until = 0;
  if (!entry.own_word && entry.by_operator == WorkerHealth::kGood) entry.reason.clear();
}

void HealthBook::OnOwnWord(const std::string& worker, WorkerHealth health,
                           const std::string& reason) {
  if (health == WorkerHealth::kBad) {
    if (entries_.size() >= kMaxEntries) return;
    Entry& entry = entries_[worker];
    entry.own_word = true;
    entry.probation = true;
    entry.reason = absl::StrCat("it says: ", reason.substr(0, kMaxReason));
  } else if (const auto it = entries_.find(worker); it != entries_.end() && it->second.own_word) {
    it->second.own_word = false;
    it->second.until = 0;
  }
}

void HealthBook::OnOperator(const std::string& worker, WorkerHealth health,
                            const std::string& reason) {
  if (health == WorkerHealth::kGood) {
    entries_.erase(worker);
    return;
  }
  Entry& entry = entries_[worker];
  entry.by_operator = health;
  entry.reason = reason.substr(0, kMaxReason);
}

HealthView HealthBook::View(const std::string& worker, double now) const {
  const auto it = entries_.find(worker);
  if (it == entries_.end()) return {};
  const Entry& entry = it->second;
  HealthView view{.reason = entry.reason, .faults = entry.faults};
  if (entry.by_operator != WorkerHealth::kGood) {
    view.health = entry.by_operator;
  } else if (entry.own_word || now < entry.until) {
    view.health = WorkerHealth::kBad;
  } else if (entry.probation) {
    view.health = WorkerHealth::kUnknown;
  }
  return view;
}

size_t HealthBook::Allowance(const std::string& worker, size_t held, size_t wanted,
                             double now) const {
  switch (View(worker, now).health) {
    case WorkerHealth::kGood: return wanted;
    case WorkerHealth::kUnknown: return held == 0 ? std::min<size_t>(1, wanted) : 0;
    case WorkerHealth::kBad:
    case WorkerHealth::kMaintenance:
    case WorkerHealth::kRetired: return 0;
  }
  return 0;
}

}  // namespace tilewright
