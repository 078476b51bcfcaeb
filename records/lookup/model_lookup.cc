#include "records/lookup/model_lookup.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "records/lookup/beats_default.h"
#include "records/lookup/fit.h"

namespace tilewright {
namespace {

LookupOptions OptionsOf(const ModelLookup& wanted) {
  const auto count = static_cast<int64_t>(std::max<size_t>(wanted.workloads.size(), 1));
  return {.explain = wanted.explain,
          .threads = wanted.threads,
          .device_key = wanted.device_key,
          .most_scanned = std::max<int64_t>(LookupOptions{}.most_scanned / count, 1),
          .why_unfit = [exact = wanted.exact](const Task& task, const Config& config) {
            return WhyUnfit(task, config, exact);
          }};
}

// Of those that a network has not decided: a decision gave the default its chance.
absl::Status SetKeepsDefault(const RecordStore& store, Defaults& defaults,
                             std::vector<FoundConfig>* all) {
  std::vector<Record> records;
  std::vector<FoundConfig*> places;
  for (FoundConfig& one : *all) {
    const std::optional<Record>& record = one.found.record;
    if (!record || record->record_class == kInNetworkClass) continue;
    records.push_back(*record);
    places.push_back(&one);
  }
  TW_ASSIGN_OR_RETURN(const std::vector<bool> beat, BeatDefaults(store, records, defaults));
  for (size_t i = 0; i < places.size(); ++i) places[i]->keeps_default = !beat[i];
  return absl::OkStatus();
}

double SecondsOf(const std::optional<Timing>& timing) {
  return timing ? MedianSeconds(Outcome(*timing)).value_or(0) : 0;
}

absl::Status AddTimesAlone(const RecordStore& store, const ModelLookup& wanted, Defaults& defaults,
                           std::vector<FoundConfig>* all) {
  if (wanted.device_key.empty()) return absl::OkStatus();
  const MeasuredOn where{wanted.target, wanted.device_key, wanted.threads};
  TW_ASSIGN_OR_RETURN(const std::vector<std::optional<Timing>> untuned,
                      DefaultTimings(store, wanted.workloads, where, defaults));
  std::vector<AskedConfig> configs;
  std::vector<FoundConfig*> places;
  for (size_t i = 0; i < all->size(); ++i) {
    FoundConfig& one = (*all)[i];
    one.default_seconds = SecondsOf(untuned[i]);
    if (!one.found.record) continue;
    const Record& record = *one.found.record;
    configs.push_back(
        {{wanted.workloads[i], record.task.template_name, wanted.target}, record.config});
    places.push_back(&one);
  }
  TW_ASSIGN_OR_RETURN(const std::vector<std::optional<Timing>> alone,
                      ConfigTimings(store, configs, where));
  for (size_t i = 0; i < places.size(); ++i) places[i]->alone_seconds = SecondsOf(alone[i]);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<FoundConfig>> LookUpModel(const RecordStore& store,
                                                     const ModelLookup& wanted) {
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> found,
                      LookupEach(store, wanted.workloads, wanted.target, OptionsOf(wanted)));
  std::vector<FoundConfig> all(found.size());
  for (size_t i = 0; i < found.size(); ++i) all[i].found = std::move(found[i]);
  Defaults defaults(wanted.exact);
  TW_RETURN_IF_ERROR(SetKeepsDefault(store, defaults, &all));
  TW_RETURN_IF_ERROR(AddTimesAlone(store, wanted, defaults, &all));
  return all;
}

absl::StatusOr<std::vector<Record>> BestRecords(const RecordStore& store,
                                                const RecordFilter& filter,
                                                const std::vector<std::string>& workloads) {
  if (workloads.empty()) return store.BestPerWorkload(filter);
  std::vector<RecordFilter> filters(workloads.size(), filter);
  for (size_t i = 0; i < workloads.size(); ++i) filters[i].workload_key = workloads[i];
  TW_ASSIGN_OR_RETURN(std::vector<std::optional<Record>> bests, store.Bests(filters));
  std::vector<Record> all;
  for (std::optional<Record>& best : bests) {
    if (best) all.push_back(*std::move(best));
  }
  return all;
}

}  // namespace tilewright
