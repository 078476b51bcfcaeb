#include "cli/template_index.h"

#include <iostream>
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

// A record that is no faster than the measured default, beyond noise, leaves the default.
absl::StatusOr<std::optional<BestConfig>> LookUp(const RecordStore& store, const Workload& workload,
                                                 const Target& target, bool exact) {
  TW_ASSIGN_OR_RETURN(LookupResult found, LookupBest(store, workload, target));
  if (!found.record) return std::optional<BestConfig>();
  const Record& record = *found.record;
  const Task task{workload, record.task.template_name, target};
  const auto index = TemplateIndexOf(task, record.config);
  if (!index.ok() || !*index) {
    std::cerr << "warning: record " << record.run_id << " is not used: "
              << (index.ok() ? "unknown template " + task.template_name
                             : std::string(index.status().message()))
              << "\n";
    return std::optional<BestConfig>();
  }
  TW_ASSIGN_OR_RETURN(const bool beats, BeatsDefault(store, record, exact));
  if (!beats) return MeasuredDefault(workload, target, exact);
  return std::optional<BestConfig>(
      {task.template_name, record.config, MedianSeconds(record.outcome).value_or(0)});
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> TemplateIndexOf(const Task& task, const Config& config) {
  const absl::StatusOr<const Template*> found = FindTemplate(task.template_name);
  if (!found.ok()) return std::optional<uint64_t>();
  if (!(*found)->Matches(task.workload, task.target)) {
    return absl::InvalidArgumentError(absl::StrCat("template ", task.template_name,
                                                   " does not take ", task.workload.Key(), " for ",
                                                   ToString(task.target)));
  }
  const ConfigSpace space = (*found)->Space(task.workload, task.target);
  TW_ASSIGN_OR_RETURN(const uint64_t index, space.IndexOf(config));
  if (const std::optional<std::string> why = space.WhyInvalid(space.At(index))) {
    return absl::InvalidArgumentError(absl::StrCat("the config breaks a rule: ", *why));
  }
  return std::optional<uint64_t>(index);
}

ConfigLookup LookupIn(const RecordStore& store, bool exact) {
  return [&store, exact](const Workload& workload, const Target& target) {
    return LookUp(store, workload, target, exact);
  };
}

}  // namespace tilewright
