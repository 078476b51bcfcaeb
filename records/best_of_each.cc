#include "records/best_of_each.h"

#include "absl/strings/str_cat.h"

namespace tilewright {

void BestOfEach::Add(const Record& record) {
  if (!IsUsable(record)) return;
  const std::string key = absl::StrCat(ToString(record.task.target), "|", WorkloadKey(record));
  const auto [place, added] = places_.emplace(key, records_.size());
  if (added) {
    records_.push_back(record);
  } else if (MedianSeconds(record.outcome) < MedianSeconds(records_[place->second].outcome)) {
    records_[place->second] = record;
  }
}

}  // namespace tilewright
