#include "records/beats_default.h"

#include <algorithm>
#include <vector>

#include "base/status_macros.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

constexpr double kLeastGain = 0.01;

// The middle half of a measurement's samples.
struct MiddleHalf {
  double lo, hi;
};

MiddleHalf MiddleHalfOf(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const size_t last = samples.size() - 1;
  return {samples[last / 4], samples[last - last / 4]};
}

// Of several measurements of the default the one with the middle time (of two the faster).
absl::StatusOr<std::vector<double>> SamplesOf(const RecordStore& store, const Task& task,
                                              const std::string& device_key,
                                              const ConfigSpace& space, uint64_t index) {
  std::vector<Timing> timings;
  const RecordFilter filter{.workload_key = task.workload.Key(),
                            .template_name = task.template_name,
                            .target = ToString(task.target),
                            .device_key = device_key,
                            .only_ok = true};
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const auto* timing = std::get_if<Timing>(&record.outcome);
    if (timing == nullptr) return true;
    const absl::StatusOr<uint64_t> found = space.IndexOf(record.config);
    if (found.ok() && *found == index) timings.push_back(*timing);
    return true;
  }));
  if (timings.empty()) return std::vector<double>();
  std::sort(timings.begin(), timings.end(), [](const Timing& a, const Timing& b) {
    return MedianSeconds(Outcome(a)).value_or(0) < MedianSeconds(Outcome(b)).value_or(0);
  });
  return timings[(timings.size() - 1) / 2].seconds;
}

}  // namespace

absl::StatusOr<bool> BeatsDefault(const RecordStore& store, const Record& best, bool exact) {
  const Task& task = best.task;
  const std::optional<TemplateEntry> untuned = UntunedTemplate(task.workload, task.target, exact);
  if (!untuned) return true;
  const ConfigSpace space = untuned->impl->Space(task.workload, task.target);
  TW_ASSIGN_OR_RETURN(const uint64_t index,
                      space.IndexOf(untuned->impl->Default(task.workload, task.target)));
  const absl::StatusOr<uint64_t> own = space.IndexOf(best.config);
  if (untuned->name == task.template_name && own.ok() && *own == index) return true;
  TW_ASSIGN_OR_RETURN(
      const std::vector<double> samples,
      SamplesOf(store, {task.workload, untuned->name, task.target}, best.device_key, space, index));
  if (samples.empty()) return true;
  const MiddleHalf record = MiddleHalfOf(std::get<Timing>(best.outcome).seconds);
  const MiddleHalf fallback = MiddleHalfOf(samples);
  return record.hi < fallback.lo && record.hi < (1 - kLeastGain) * fallback.hi;
}

}  // namespace tilewright
