#include "records/lookup/fit.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/templates/template.h"

namespace tilewright {

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
  const bool allowed = !exact || (*FindTemplate(task.template_name))->Exact(task.workload);
  return allowed ? "" : absl::StrCat("template ", task.template_name, " is not exact");
}

}  // namespace tilewright
