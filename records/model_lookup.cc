#include "records/model_lookup.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "records/beats_default.h"
#include "records/fit.h"

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

absl::StatusOr<bool> KeepsDefault(const RecordStore& store, const LookupResult& found, bool exact) {
  // A network's decision gave the default its chance.
  if (!found.record || found.record->record_class == kInNetworkClass) return false;
  TW_ASSIGN_OR_RETURN(const bool beats, BeatsDefault(store, *found.record, exact));
  return !beats;
}

double SecondsOf(const std::optional<Timing>& timing) {
  return timing ? MedianSeconds(Outcome(*timing)).value_or(0) : 0;
}

absl::Status AddTimesAlone(const RecordStore& store, const Workload& workload,
                           const ModelLookup& wanted, FoundConfig* one) {
  if (wanted.device_key.empty()) return absl::OkStatus();
  const MeasuredOn where{wanted.device_key, wanted.threads};
  TW_ASSIGN_OR_RETURN(const auto untuned,
                      DefaultTiming(store, workload, wanted.target, where, wanted.exact));
  one->default_seconds = SecondsOf(untuned);
  if (!one->found.record) return absl::OkStatus();
  const Record& record = *one->found.record;
  const Task task{workload, record.task.template_name, wanted.target};
  TW_ASSIGN_OR_RETURN(const auto alone, ConfigTiming(store, task, record.config, where));
  one->alone_seconds = SecondsOf(alone);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<FoundConfig>> LookUpModel(const RecordStore& store,
                                                     const ModelLookup& wanted) {
  const LookupOptions options = OptionsOf(wanted);
  std::vector<FoundConfig> all;
  for (const Workload& workload : wanted.workloads) {
    FoundConfig one;
    TW_ASSIGN_OR_RETURN(one.found, LookupBest(store, workload, wanted.target, options));
    TW_ASSIGN_OR_RETURN(one.keeps_default, KeepsDefault(store, one.found, wanted.exact));
    TW_RETURN_IF_ERROR(AddTimesAlone(store, workload, wanted, &one));
    all.push_back(std::move(one));
  }
  return all;
}

absl::StatusOr<std::vector<Record>> BestRecords(const RecordStore& store,
                                                const RecordFilter& filter,
                                                const std::vector<std::string>& workloads) {
  if (workloads.empty()) return store.BestPerWorkload(filter);
  std::vector<Record> all;
  RecordFilter one = filter;
  for (const std::string& workload : workloads) {
    one.workload_key = workload;
    TW_ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(one));
    if (best) all.push_back(*std::move(best));
  }
  return all;
}

}  // namespace tilewright
