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

RecordFilter MeasurementsOf(const AskedConfig& asked) {
  return {.workload_key = asked.task.workload.Key(),
          .template_name = asked.task.template_name,
          .target = ToString(asked.task.target),
          .device_key = asked.where.device_key,
          .only_ok = true,
          .config = EntitiesToJson(asked.config),
          .threads = asked.where.threads};
}

std::string NameOf(const RecordFilter& filter) {
  return absl::StrCat(filter.workload_key, "|", filter.template_name, "|", filter.target, "|",
                      filter.device_key, "|", filter.threads, "|", filter.config);
}

std::optional<Timing> Middle(std::vector<Timing> timings) {
  if (timings.empty()) return std::nullopt;
  std::sort(timings.begin(), timings.end(), [](const Timing& a, const Timing& b) {
    return MedianSeconds(Outcome(a)).value_or(0) < MedianSeconds(Outcome(b)).value_or(0);
  });
  return timings[(timings.size() - 1) / 2];
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

absl::StatusOr<std::optional<AskedConfig>> Defaults::Asked(const Workload& workload,
                                                           const Target& target,
                                                           const MeasuredOn& where) {
  TW_ASSIGN_OR_RETURN(const Default* fallback, Of(workload, target));
  if (fallback == nullptr) return std::optional<AskedConfig>();
  return AskedConfig{.task = {workload, fallback->template_name, target},
                     .config = fallback->space.At(fallback->index),
                     .where = where};
}

absl::StatusOr<std::optional<AskedConfig>> Defaults::RivalOf(const Record& record) {
  const Task& task = record.task;
  TW_ASSIGN_OR_RETURN(const Default* fallback, Of(task.workload, task.target));
  if (fallback == nullptr || Is(*fallback, record)) return std::optional<AskedConfig>();
  return Asked(task.workload, task.target, {record.device_key, record.threads});
}

absl::StatusOr<std::vector<std::optional<Timing>>> ConfigTimings(
    const RecordStore& store, std::span<const std::optional<AskedConfig>> asked) {
  std::vector<RecordFilter> filters;
  std::map<std::string, size_t> known;        // NameOf -> its place in `filters`
  std::vector<std::optional<size_t>> places;  // of each that is asked, in `filters`
  for (const std::optional<AskedConfig>& one : asked) {
    std::optional<size_t>& place = places.emplace_back();
    if (!one) continue;
    RecordFilter filter = MeasurementsOf(*one);
    const auto [at, fresh] = known.try_emplace(NameOf(filter), filters.size());
    if (fresh) filters.push_back(std::move(filter));
    place = at->second;
  }
  std::vector<std::vector<Timing>> found(filters.size());
  TW_RETURN_IF_ERROR(store.ForEachOf(filters, [&](size_t k, const Record& record) {
    const auto* timing = std::get_if<Timing>(&record.outcome);
    if (timing != nullptr) found[k].push_back(*timing);
  }));
  std::vector<std::optional<Timing>> timings;
  for (const std::optional<size_t>& place : places) {
    timings.push_back(place ? Middle(found[*place]) : std::nullopt);
  }
  return timings;
}

bool Beats(const Record& record, const std::optional<Timing>& rival) {
  return !rival || IsFasterBeyondNoise(std::get<Timing>(record.outcome), *rival);
}

}  // namespace tilewright
