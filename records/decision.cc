#include "records/decision.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/noise.h"

namespace tilewright {
namespace {

std::string KeyOf(const Record& record) {
  return absl::StrCat(record.task.template_name, "|", EntitiesToJson(record.config));
}

// What was measured of single kernels: the decided config, and configs that came after.
struct Measurements {
  BestOfEach decided, later;
};

absl::StatusOr<Measurements> MeasurementsSince(const RecordStore& store, RecordFilter filter,
                                               const Record& decision,
                                               const LookupOptions& options) {
  filter.only_ok = true;
  const std::string decided = KeyOf(decision);
  std::set<std::string> known;
  std::vector<std::pair<std::string, Record>> later;
  Measurements found;
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const std::string key = KeyOf(record);
    if (key == decided) {
      found.decided.Add(record);
    } else if (record.unix_time <= decision.unix_time) {
      known.insert(key);
    } else {
      later.emplace_back(key, record);
    }
    return true;
  }));
  for (const auto& [key, record] : later) {
    const bool fit = !options.why_unfit || options.why_unfit(record.task, record.config).empty();
    if (fit && !known.contains(key)) found.later.Add(record);
  }
  return found;
}

}  // namespace

absl::StatusOr<std::optional<Record>> DecidedRecord(const RecordStore& store,
                                                    const Workload& workload, const Target& target,
                                                    const LookupOptions& options) {
  RecordFilter filter{.workload_key = workload.Key(), .target = ToString(target)};
  filter.record_class = kInNetworkClass;
  filter.threads = options.threads;
  TW_ASSIGN_OR_RETURN(std::vector<Record> newest, store.Newest(filter, 1));
  if (newest.empty()) return std::optional<Record>();
  Record& decision = newest.front();
  if (options.why_unfit && !options.why_unfit(decision.task, decision.config).empty()) {
    return std::optional<Record>();
  }
  filter.record_class.clear();
  TW_ASSIGN_OR_RETURN(const Measurements found,
                      MeasurementsSince(store, filter, decision, options));
  const std::vector<Record> own = found.decided.Records(), later = found.later.Records();
  if (own.empty() || later.empty()) return std::optional<Record>(std::move(decision));
  const bool beaten = IsFasterBeyondNoise(std::get<Timing>(later.front().outcome),
                                          std::get<Timing>(own.front().outcome));
  return std::optional<Record>(beaten ? later.front() : std::move(decision));
}

}  // namespace tilewright
