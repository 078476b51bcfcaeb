#include "cli/template_index.h"

#include <iostream>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/templates/template.h"
#include "records/beats_default.h"
#include "records/lookup.h"

namespace tilewright {
namespace {

std::optional<BestConfig> MeasuredDefault(const Workload& workload, const Target& target,
                                          bool exact) {
  const std::optional<TemplateEntry> untuned = UntunedTemplate(workload, target, exact);
  if (!untuned) return std::nullopt;
  return BestConfig{untuned->name, untuned->impl->Default(workload, target)};
}

// A record that is no faster than the measured default, beyond noise, leaves the default. `told`
// has the fallbacks that stderr has heard of.
absl::StatusOr<std::optional<BestConfig>> LookUp(const RecordStore& store, const Task& task,
                                                 bool exact, int threads,
                                                 std::set<std::string>* told) {
  const Workload& workload = task.workload;
  const Target& target = task.target;
  const auto why_unfit = [exact](const Task& task, const Config& config) {
    return WhyUnfit(task, config, exact);
  };
  TW_ASSIGN_OR_RETURN(
      const LookupResult found,
      LookupBest(store, workload, target, {.threads = threads, .why_unfit = why_unfit}));
  for (const std::string& passed_over : found.passed_over) {
    std::cerr << "warning: " << passed_over << "\n";
  }
  if (!found.record) return std::optional<BestConfig>();
  if (found.how.starts_with("fallback") && told->insert(found.how).second) {
    std::cerr << "note: where this device has no record, another's is used (" << found.how
              << "); tilewright explain shows where\n";
  }
  const Record& record = *found.record;
  const bool decided = record.record_class == kInNetworkClass;  // the default had its chance
  bool beats = decided;
  if (!decided) {
    TW_ASSIGN_OR_RETURN(beats, BeatsDefault(store, record, exact));
  }
  if (!beats) return MeasuredDefault(workload, target, exact);
  return std::optional<BestConfig>({record.task.template_name, record.config,
                                    MedianSeconds(record.outcome).value_or(0), record.run_id});
}

}  // namespace

absl::StatusOr<std::optional<PlacedConfig>> PlaceInTemplate(const Task& task,
                                                            const Config& config) {
  const absl::StatusOr<const Template*> found = FindTemplate(task.template_name);
  if (!found.ok()) return std::optional<PlacedConfig>();
  if (!(*found)->Matches(task.workload, task.target)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a workload or target that the template does not take: ", task.template_name,
                     ", ", task.workload.Key(), " for ", ToString(task.target)));
  }
  const ConfigSpace space = (*found)->Space(task.workload, task.target);
  TW_ASSIGN_OR_RETURN(const uint64_t index, space.IndexOf(config));
  Config canonical = space.At(index);
  if (const std::optional<std::string> why = space.WhyInvalid(canonical)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a config that breaks a rule of its space: ", *why));
  }
  return std::optional<PlacedConfig>({index, std::move(canonical)});
}

std::string WhyUnfit(const Task& task, const Config& config, bool exact) {
  const absl::StatusOr<std::optional<PlacedConfig>> place = PlaceInTemplate(task, config);
  if (!place.ok()) return std::string(place.status().message());
  if (!*place) return absl::StrCat("unknown template ", task.template_name);
  const bool allowed = !exact || (*FindTemplate(task.template_name))->Exact();
  return allowed ? "" : absl::StrCat("template ", task.template_name, " is not exact");
}

ConfigLookup LookupIn(const RecordStore& store, bool exact, int threads) {
  const auto told = std::make_shared<std::set<std::string>>();
  return [&store, exact, threads, told](const Workload& workload, const Target& target) {
    return LookUp(store, {workload, "", target}, exact, threads, told.get());
  };
}

}  // namespace tilewright
