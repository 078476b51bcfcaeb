#include "records/best_of_each.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

bool IsFaster(const Record& a, const Record& b) {
  return *MedianSeconds(a.outcome) < *MedianSeconds(b.outcome);
}

// The middle one by time, of two the faster.
const Record& Typical(std::vector<Record>& measurements) {
  std::stable_sort(measurements.begin(), measurements.end(), IsFaster);
  return measurements[(measurements.size() - 1) / 2];
}

}  // namespace

void BestOfEach::Add(const Record& record) {
  if (!IsUsable(record)) return;
  const std::string key = absl::StrCat(ToString(record.task.target), "|", WorkloadKey(record),
                                       by_device_ ? "|" : "", by_device_ ? record.device : "");
  const auto [place, added] = places_.emplace(key, groups_.size());
  if (added) groups_.emplace_back();
  const std::string config =
      absl::StrCat(record.task.template_name, "|", EntitiesToJson(record.config));
  groups_[place->second][config].push_back(record);
}

std::vector<Record> BestOfEach::Configs() const {
  std::vector<Record> configs;
  for (Measurements group : groups_) {
    for (auto& [config, measurements] : group) configs.push_back(Typical(measurements));
  }
  std::stable_sort(configs.begin(), configs.end(), IsFaster);
  return configs;
}

std::vector<Record> BestOfEach::Records() const {
  std::vector<Record> records;
  for (Measurements group : groups_) {
    const Record* best = nullptr;
    for (auto& [config, measurements] : group) {
      const Record& typical = Typical(measurements);
      if (best == nullptr || IsFaster(typical, *best)) best = &typical;
    }
    records.push_back(*best);
  }
  return records;
}

}  // namespace tilewright
