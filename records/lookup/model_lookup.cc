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

double SecondsOf(const std::optional<Timing>& timing) {
  return timing ? MedianSeconds(Outcome(*timing)).value_or(0) : 0;
}

// What is asked of each workload, one after the other: the default that its record has to beat, the
// default and the record's config alone on the device key.
enum Question { kRival, kDefault, kOwn, kQuestions };

// A network's decision has given the default its chance.
bool HasRival(const FoundConfig& one) {
  return one.found.record && one.found.record->record_class != kInNetworkClass;
}

absl::StatusOr<std::vector<std::optional<AskedConfig>>> QuestionsOf(
    const ModelLookup& wanted, const std::vector<FoundConfig>& all, Defaults& defaults) {
  std::vector<std::optional<AskedConfig>> asked(kQuestions * all.size());
  const MeasuredOn where{wanted.device_key, wanted.threads};
  for (size_t i = 0; i < all.size(); ++i) {
    std::optional<AskedConfig>* const of = &asked[kQuestions * i];
    const std::optional<Record>& record = all[i].found.record;
    if (HasRival(all[i])) {
      TW_ASSIGN_OR_RETURN(of[kRival], defaults.RivalOf(*record));
    }
    if (wanted.device_key.empty()) continue;
    TW_ASSIGN_OR_RETURN(of[kDefault], defaults.Asked(wanted.workloads[i], wanted.target, where));
    if (!record) continue;
    const std::string& name = record->task.template_name;
    of[kOwn] = {{wanted.workloads[i], name, wanted.target}, record->config, where};
  }
  return asked;
}

}  // namespace

absl::StatusOr<std::vector<FoundConfig>> LookUpModel(const RecordStore& store,
                                                     const ModelLookup& wanted) {
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> found,
                      LookupEach(store, wanted.workloads, wanted.target, OptionsOf(wanted)));
  std::vector<FoundConfig> all(found.size());
  for (size_t i = 0; i < found.size(); ++i) all[i].found = std::move(found[i]);
  Defaults defaults(wanted.exact);
  TW_ASSIGN_OR_RETURN(const std::vector<std::optional<AskedConfig>> asked,
                      QuestionsOf(wanted, all, defaults));
  TW_ASSIGN_OR_RETURN(const std::vector<std::optional<Timing>> timings,
                      ConfigTimings(store, asked));
  for (size_t i = 0; i < all.size(); ++i) {
    const std::optional<Timing>* const of = &timings[kQuestions * i];
    all[i].keeps_default = HasRival(all[i]) && !Beats(*all[i].found.record, of[kRival]);
    all[i].default_seconds = SecondsOf(of[kDefault]);
    all[i].alone_seconds = SecondsOf(of[kOwn]);
  }
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
