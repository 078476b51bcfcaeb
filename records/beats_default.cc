#include "records/beats_default.h"

#include <algorithm>
#include <vector>

#include "base/status_macros.h"
#include "compiler/templates/template.h"
#include "records/noise.h"

namespace tilewright {
namespace {

// A config of a space that the workload has.
struct PlaceInSpace {
  std::string template_name;
  ConfigSpace space;
  uint64_t index = 0;
};

absl::StatusOr<std::optional<PlaceInSpace>> DefaultOf(const Workload& workload,
                                                      const Target& target, bool exact) {
  const std::optional<TemplateEntry> untuned = UntunedTemplate(workload, target, exact);
  if (!untuned) return std::optional<PlaceInSpace>();
  PlaceInSpace found{untuned->name, untuned->impl->Space(workload, target)};
  TW_ASSIGN_OR_RETURN(found.index, found.space.IndexOf(untuned->impl->Default(workload, target)));
  return std::optional<PlaceInSpace>(std::move(found));
}

bool Is(const PlaceInSpace& wanted, const Record& record) {
  const absl::StatusOr<uint64_t> index = wanted.space.IndexOf(record.config);
  return record.task.template_name == wanted.template_name && index.ok() && *index == wanted.index;
}

RecordFilter MeasurementsOf(const Task& task, const MeasuredOn& where, const PlaceInSpace& wanted) {
  return {.workload_key = task.workload.Key(),
          .template_name = wanted.template_name,
          .target = ToString(task.target),
          .device_key = where.device_key,
          .only_ok = true,
          .config = EntitiesToJson(wanted.space.At(wanted.index)),
          .threads = where.threads};
}

std::optional<Timing> Middle(std::vector<Timing> timings) {
  if (timings.empty()) return std::nullopt;
  std::sort(timings.begin(), timings.end(), [](const Timing& a, const Timing& b) {
    return MedianSeconds(Outcome(a)).value_or(0) < MedianSeconds(Outcome(b)).value_or(0);
  });
  return timings[(timings.size() - 1) / 2];
}

// Of the measurements that each filter matches; nullopt where there is no filter.
absl::StatusOr<std::vector<std::optional<Timing>>> TimingsOf(
    const RecordStore& store, const std::vector<std::optional<RecordFilter>>& filters) {
  std::vector<RecordFilter> asked;
  std::vector<size_t> places;
  for (size_t i = 0; i < filters.size(); ++i) {
    if (!filters[i]) continue;
    asked.push_back(*filters[i]);
    places.push_back(i);
  }
  std::vector<std::vector<Timing>> found(filters.size());
  TW_RETURN_IF_ERROR(store.ForEachOf(asked, [&](size_t k, const Record& record) {
    const auto* timing = std::get_if<Timing>(&record.outcome);
    if (timing != nullptr) found[places[k]].push_back(*timing);
  }));
  std::vector<std::optional<Timing>> timings;
  for (std::vector<Timing>& all : found) timings.push_back(Middle(std::move(all)));
  return timings;
}

}  // namespace

absl::StatusOr<std::vector<std::optional<Timing>>> ConfigTimings(const RecordStore& store,
                                                                 std::span<const AskedConfig> asked,
                                                                 const MeasuredOn& where) {
  std::vector<std::optional<RecordFilter>> filters;
  for (const AskedConfig& one : asked) {
    TW_ASSIGN_OR_RETURN(const Template* found, FindTemplate(one.task.template_name));
    PlaceInSpace wanted{one.task.template_name, found->Space(one.task.workload, one.task.target)};
    TW_ASSIGN_OR_RETURN(wanted.index, wanted.space.IndexOf(one.config));
    filters.emplace_back(MeasurementsOf(one.task, where, wanted));
  }
  return TimingsOf(store, filters);
}

absl::StatusOr<std::vector<std::optional<Timing>>> DefaultTimings(
    const RecordStore& store, std::span<const Workload> workloads, const Target& target,
    const MeasuredOn& where, bool exact) {
  std::vector<std::optional<RecordFilter>> filters;
  for (const Workload& workload : workloads) {
    TW_ASSIGN_OR_RETURN(const std::optional<PlaceInSpace> wanted,
                        DefaultOf(workload, target, exact));
    std::optional<RecordFilter>& filter = filters.emplace_back();
    if (wanted) filter = MeasurementsOf({workload, "", target}, where, *wanted);
  }
  return TimingsOf(store, filters);
}

absl::StatusOr<std::vector<bool>> BeatDefaults(const RecordStore& store,
                                               std::span<const Record> records, bool exact) {
  std::vector<std::optional<RecordFilter>> filters;
  for (const Record& record : records) {
    const Task& task = record.task;
    TW_ASSIGN_OR_RETURN(const std::optional<PlaceInSpace> fallback,
                        DefaultOf(task.workload, task.target, exact));
    std::optional<RecordFilter>& filter = filters.emplace_back();
    if (!fallback || Is(*fallback, record)) continue;
    filter = MeasurementsOf(task, {record.device_key, record.threads}, *fallback);
  }
  TW_ASSIGN_OR_RETURN(const std::vector<std::optional<Timing>> defaults, TimingsOf(store, filters));
  std::vector<bool> beat;
  for (size_t i = 0; i < records.size(); ++i) {
    const Timing& own = std::get<Timing>(records[i].outcome);
    beat.push_back(!defaults[i] || IsFasterBeyondNoise(own, *defaults[i]));
  }
  return beat;
}

}  // namespace tilewright
