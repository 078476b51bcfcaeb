#include "records/lookup/decision.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/lookup/noise.h"

namespace tilewright {
namespace {

std::string KeyOf(const Record& record) {
  return absl::StrCat(record.task.template_name, "|", EntitiesToJson(record.config));
}

// The measurements of the config of a record.
RecordFilter OfConfig(RecordFilter filter, const Record& record) {
  filter.template_name = record.task.template_name;
  filter.config = EntitiesToJson(record.config);
  return filter;
}

bool IsUnfit(const Record& record, const LookupOptions& options) {
  return options.why_unfit && !options.why_unfit(record.task, record.config).empty();
}

// By the rule of RecordStore::Best; nullopt of none.
std::optional<Record> Typical(const BestOfEach& measurements) {
  std::vector<Record> one = measurements.Records();
  return one.empty() ? std::nullopt : std::optional<Record>(std::move(one.front()));
}

// A workload with a decision.
struct Decided {
  size_t place = 0;               // among the workloads
  RecordFilter filter;            // of the workload's usable records
  BestOfEach own = BestOfEach();  // of the decided config
  std::optional<Record> typical;
  // A measurement, taken later, of each config that is faster by itself.
  std::map<std::string, Record> later;
};

// Of the configs that are faster by themselves the fastest one that was first measured after the
// decision.
absl::StatusOr<std::optional<Record>> FastestLater(const RecordStore& store, const Record& decision,
                                                   const Decided& decided,
                                                   const LookupOptions& options) {
  BestOfEach later;
  for (const auto& [key, candidate] : decided.later) {
    if (key == KeyOf(decision) || IsUnfit(candidate, options)) continue;
    std::vector<Record> measurements;
    bool known = false;
    TW_RETURN_IF_ERROR(store.ForEach(OfConfig(decided.filter, candidate), [&](const Record& one) {
      known = one.unix_time <= decision.unix_time;
      measurements.push_back(one);
      return !known;
    }));
    if (known) continue;
    for (const Record& one : measurements) later.Add(one);
  }
  return Typical(later);
}

// The decision, or what has come since and is faster beyond noise.
absl::StatusOr<Record> Judged(const RecordStore& store, const Record& decision,
                              const Decided& decided, const LookupOptions& options) {
  if (!decided.typical) return decision;
  TW_ASSIGN_OR_RETURN(const std::optional<Record> later,
                      FastestLater(store, decision, decided, options));
  const bool beaten = later && IsFasterBeyondNoise(std::get<Timing>(later->outcome),
                                                   std::get<Timing>(decided.typical->outcome));
  return beaten ? *later : decision;
}

// What was measured of the decided configs, and later of others that are faster by themselves.
absl::Status AddMeasurements(const RecordStore& store,
                             const std::vector<std::optional<Record>>& decisions,
                             std::vector<Decided>* all) {
  std::vector<RecordFilter> filters;
  for (const Decided& one : *all) filters.push_back(OfConfig(one.filter, *decisions[one.place]));
  TW_RETURN_IF_ERROR(
      store.ForEachOf(filters, [&](size_t i, const Record& record) { (*all)[i].own.Add(record); }));
  filters.clear();
  std::vector<Decided*> timed;
  for (Decided& one : *all) {
    one.typical = Typical(one.own);
    if (!one.typical) continue;
    filters.push_back(one.filter);
    filters.back().below = *MedianSeconds(one.typical->outcome);
    filters.back().since = decisions[one.place]->unix_time;
    timed.push_back(&one);
  }
  return store.ForEachOf(filters, [&](size_t i, const Record& record) {
    const bool is_later = record.unix_time > filters[i].since;
    if (is_later) timed[i]->later.emplace(KeyOf(record), record);
  });
}

}  // namespace

absl::StatusOr<std::vector<std::optional<Record>>> DecidedRecords(
    const RecordStore& store, std::span<const Workload> workloads, const Target& target,
    const LookupOptions& options) {
  RecordFilter filter{.target = ToString(target), .device_key = options.device_key};
  filter.threads = options.threads;
  filter.record_class = kInNetworkClass;
  std::vector<RecordFilter> filters(workloads.size(), filter);
  for (size_t i = 0; i < workloads.size(); ++i) filters[i].workload_key = workloads[i].Key();
  std::vector<std::optional<Record>> decisions(workloads.size());
  TW_RETURN_IF_ERROR(
      store.ForEachOf(filters, [&](size_t i, const Record& newer) { decisions[i] = newer; }));
  std::vector<Decided> all;
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i] && IsUnfit(*decisions[i], options)) decisions[i].reset();
    if (!decisions[i]) continue;
    filters[i].record_class.clear();
    filters[i].only_ok = true;
    all.push_back({.place = i, .filter = filters[i]});
  }
  TW_RETURN_IF_ERROR(AddMeasurements(store, decisions, &all));
  for (const Decided& one : all) {
    TW_ASSIGN_OR_RETURN(decisions[one.place], Judged(store, *decisions[one.place], one, options));
  }
  return decisions;
}

}  // namespace tilewright
