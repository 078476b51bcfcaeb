#include "records/decision.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/noise.h"

namespace tilewright {
namespace {

std::string KeyOf(const Record& record) {
  return absl::StrCat(record.task.template_name, "|", EntitiesToJson(record.config));
}

// Every measurement of the config of a record.
absl::StatusOr<std::vector<Record>> MeasurementsOf(const RecordStore& store, RecordFilter filter,
                                                   const Record& record) {
  filter.template_name = record.task.template_name;
  filter.config = EntitiesToJson(record.config);
  std::vector<Record> found;
  TW_RETURN_IF_ERROR(
      store.ForEach(filter, [&](const Record& one) { return found.push_back(one), true; }));
  return found;
}

// By the rule of RecordStore::Best; nullopt of none.
std::optional<Record> Typical(const std::vector<Record>& measurements) {
  BestOfEach best;
  for (const Record& record : measurements) best.Add(record);
  std::vector<Record> one = best.Records();
  return one.empty() ? std::nullopt : std::optional<Record>(std::move(one.front()));
}

// One record of each config that may have come after the decision: of those with a measurement
// below `seconds`, because the middle of others cannot be, and with none of these taken before.
absl::StatusOr<std::vector<Record>> PerhapsLater(const RecordStore& store, RecordFilter filter,
                                                 const Record& decision, double seconds) {
  filter.below = seconds;
  std::map<std::string, Record> later;
  std::set<std::string> known = {KeyOf(decision)};
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const bool before = record.unix_time <= decision.unix_time;
    before ? void(known.insert(KeyOf(record))) : void(later.emplace(KeyOf(record), record));
    return true;
  }));
  std::vector<Record> candidates;
  for (auto& [key, record] : later) {
    if (!known.contains(key)) candidates.push_back(std::move(record));
  }
  return candidates;
}

// The fastest config that was first measured after the decision and is by itself below `seconds`.
absl::StatusOr<std::optional<Record>> FastestLater(const RecordStore& store,
                                                   const RecordFilter& filter,
                                                   const Record& decision, double seconds,
                                                   const LookupOptions& options) {
  TW_ASSIGN_OR_RETURN(const auto candidates, PerhapsLater(store, filter, decision, seconds));
  BestOfEach later;
  for (const Record& candidate : candidates) {
    if (options.why_unfit && !options.why_unfit(candidate.task, candidate.config).empty()) continue;
    TW_ASSIGN_OR_RETURN(const auto measurements, MeasurementsOf(store, filter, candidate));
    const bool known =
        std::any_of(measurements.begin(), measurements.end(),
                    [&](const Record& one) { return one.unix_time <= decision.unix_time; });
    if (known) continue;
    for (const Record& one : measurements) later.Add(one);
  }
  std::vector<Record> fastest = later.Records();
  return fastest.empty() ? std::nullopt : std::optional<Record>(std::move(fastest.front()));
}

}  // namespace

absl::StatusOr<std::optional<Record>> DecidedRecord(const RecordStore& store,
                                                    const Workload& workload, const Target& target,
                                                    const LookupOptions& options) {
  RecordFilter filter{.workload_key = workload.Key(), .target = ToString(target)};
  filter.record_class = kInNetworkClass;
  filter.device_key = options.device_key;
  filter.threads = options.threads;
  TW_ASSIGN_OR_RETURN(std::vector<Record> newest, store.Newest(filter, 1));
  if (newest.empty()) return std::optional<Record>();
  Record& decision = newest.front();
  if (options.why_unfit && !options.why_unfit(decision.task, decision.config).empty()) {
    return std::optional<Record>();
  }
  filter.record_class.clear();
  filter.only_ok = true;
  TW_ASSIGN_OR_RETURN(const auto measurements, MeasurementsOf(store, filter, decision));
  const std::optional<Record> own = Typical(measurements);
  if (!own) return std::optional<Record>(std::move(decision));
  TW_ASSIGN_OR_RETURN(std::optional<Record> later,
                      FastestLater(store, filter, decision, *MedianSeconds(own->outcome), options));
  const bool beaten = later && IsFasterBeyondNoise(std::get<Timing>(later->outcome),
                                                   std::get<Timing>(own->outcome));
  return std::optional<Record>(beaten ? *std::move(later) : std::move(decision));
}

}  // namespace tilewright
