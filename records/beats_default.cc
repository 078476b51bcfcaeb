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

absl::StatusOr<std::optional<Timing>> TimingOf(const RecordStore& store, const Task& task,
                                               const MeasuredOn& where,
                                               const PlaceInSpace& wanted) {
  std::vector<Timing> timings;
  const RecordFilter filter{.workload_key = task.workload.Key(),
                            .template_name = wanted.template_name,
                            .target = ToString(task.target),
                            .device_key = where.device_key,
                            .only_ok = true,
                            .config = EntitiesToJson(wanted.space.At(wanted.index)),
                            .threads = where.threads};
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const auto* timing = std::get_if<Timing>(&record.outcome);
    if (timing != nullptr) timings.push_back(*timing);
    return true;
  }));
  if (timings.empty()) return std::optional<Timing>();
  std::sort(timings.begin(), timings.end(), [](const Timing& a, const Timing& b) {
    return MedianSeconds(Outcome(a)).value_or(0) < MedianSeconds(Outcome(b)).value_or(0);
  });
  return std::optional<Timing>(timings[(timings.size() - 1) / 2]);
}

}  // namespace

absl::StatusOr<std::optional<Timing>> ConfigTiming(const RecordStore& store, const Task& task,
                                                   const Config& config, const MeasuredOn& where) {
  TW_ASSIGN_OR_RETURN(const Template* found, FindTemplate(task.template_name));
  PlaceInSpace wanted{task.template_name, found->Space(task.workload, task.target)};
  TW_ASSIGN_OR_RETURN(wanted.index, wanted.space.IndexOf(config));
  return TimingOf(store, task, where, wanted);
}

absl::StatusOr<std::optional<Timing>> DefaultTiming(const RecordStore& store,
                                                    const Workload& workload, const Target& target,
                                                    const MeasuredOn& where, bool exact) {
  TW_ASSIGN_OR_RETURN(const std::optional<PlaceInSpace> wanted, DefaultOf(workload, target, exact));
  if (!wanted) return std::optional<Timing>();
  return TimingOf(store, {workload, "", target}, where, *wanted);
}

absl::StatusOr<bool> BeatsDefault(const RecordStore& store, const Record& best, bool exact) {
  const Task& task = best.task;
  TW_ASSIGN_OR_RETURN(const std::optional<PlaceInSpace> fallback,
                      DefaultOf(task.workload, task.target, exact));
  if (!fallback || Is(*fallback, best)) return true;
  TW_ASSIGN_OR_RETURN(const std::optional<Timing> timing,
                      TimingOf(store, task, {best.device_key, best.threads}, *fallback));
  return !timing || IsFasterBeyondNoise(std::get<Timing>(best.outcome), *timing);
}

}  // namespace tilewright
