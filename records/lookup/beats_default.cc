#include "records/lookup/beats_default.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/templates/template.h"
#include "records/lookup/noise.h"

namespace tilewright {
namespace {

bool Is(const Defaults::Default& fallback, const Record& record) {
  const absl::StatusOr<uint64_t> index = fallback.space.IndexOf(record.config);
  return record.task.template_name == fallback.template_name && index.ok() &&
         *index == fallback.index;
}

RecordFilter MeasurementsOf(const Task& task, const Config& config, const MeasuredOn& where) {
  return {.workload_key = task.workload.Key(),
          .template_name = task.template_name,
          .target = ToString(where.target),
          .device_key = where.device_key,
          .only_ok = true,
          .config = EntitiesToJson(config),
          .threads = where.threads};
}

RecordFilter MeasurementsOf(const Task& task, const Defaults::Default& fallback,
                            const MeasuredOn& where) {
  return MeasurementsOf({task.workload, fallback.template_name, task.target},
                        fallback.space.At(fallback.index), where);
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

absl::StatusOr<const Defaults::Default*> Defaults::Of(const Workload& workload,
                                                      const Target& target) {
  const auto [place, added] =
      found_.try_emplace(absl::StrCat(workload.Key(), "|", ToString(target)));
  std::optional<Default>& found = place->second;
  if (!added) return found ? &*found : nullptr;
  const std::optional<TemplateEntry> untuned = UntunedTemplate(workload, target, exact_);
  if (!untuned) return nullptr;
  Default fallback{untuned->name, untuned->impl->Space(workload, target)};
  TW_ASSIGN_OR_RETURN(fallback.index,
                      fallback.space.IndexOf(untuned->impl->Default(workload, target)));
  found = std::move(fallback);
  return &*found;
}

absl::StatusOr<std::vector<std::optional<Timing>>> ConfigTimings(const RecordStore& store,
                                                                 std::span<const AskedConfig> asked,
                                                                 const MeasuredOn& where) {
  std::vector<std::optional<RecordFilter>> filters;
  for (const AskedConfig& one : asked) {
    filters.emplace_back(MeasurementsOf(one.task, one.config, where));
  }
  return TimingsOf(store, filters);
}

absl::StatusOr<std::vector<std::optional<Timing>>> DefaultTimings(
    const RecordStore& store, std::span<const Workload> workloads, const MeasuredOn& where,
    Defaults& defaults) {
  std::vector<std::optional<RecordFilter>> filters;
  for (const Workload& workload : workloads) {
    TW_ASSIGN_OR_RETURN(const Defaults::Default* fallback, defaults.Of(workload, where.target));
    std::optional<RecordFilter>& filter = filters.emplace_back();
    if (fallback) filter = MeasurementsOf({workload, "", where.target}, *fallback, where);
  }
  return TimingsOf(store, filters);
}

absl::StatusOr<std::vector<bool>> BeatDefaults(const RecordStore& store,
                                               std::span<const Record> records,
                                               Defaults& defaults) {
  std::vector<std::optional<RecordFilter>> filters;
  for (const Record& record : records) {
    const Task& task = record.task;
    TW_ASSIGN_OR_RETURN(const Defaults::Default* fallback, defaults.Of(task.workload, task.target));
    std::optional<RecordFilter>& filter = filters.emplace_back();
    if (!fallback || Is(*fallback, record)) continue;
    filter = MeasurementsOf(task, *fallback, {task.target, record.device_key, record.threads});
  }
  TW_ASSIGN_OR_RETURN(const std::vector<std::optional<Timing>> timings, TimingsOf(store, filters));
  std::vector<bool> beat;
  for (size_t i = 0; i < records.size(); ++i) {
    const Timing& own = std::get<Timing>(records[i].outcome);
    beat.push_back(!timings[i] || IsFasterBeyondNoise(own, *timings[i]));
  }
  return beat;
}

}  // namespace tilewright
