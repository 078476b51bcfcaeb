// One way to schedule a workload on a kind of target. Stateless, thread-safe. One file a template:
// compiler/templates/conv2d_nchwc_cpu.cc defines `const Template& conv2d_nchwc_cpu()`, and users
// call it "conv2d_nchwc.cpu" (the last underscore of the stem is the dot).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/task.h"
#include "compiler/schedule/config_space.h"
#include "compiler/templates/lowered_task.h"

namespace tilewright {

class Template {
 public:
  virtual ~Template() = default;

  // One line for `tilewright templates`.
  virtual std::string_view Summary() const = 0;
  virtual bool Matches(const Workload& workload, const Target& target) const = 0;
  // Never empty. REQUIRES: Matches.
  virtual ConfigSpace Space(const Workload& workload, const Target& target) const = 0;
  // A decent config by an analytic model, no measurement. Valid in Space. REQUIRES: Matches.
  virtual Config Default(const Workload& workload, const Target& target) const = 0;
  // The scheduled programs, verified by the caller. InvalidArgument when the config is not of
  // this space. REQUIRES: Matches.
  virtual absl::StatusOr<LoweredTask> Lower(const Workload& workload, const Target& target,
                                            const Config& config) const = 0;
  // False for algorithms whose rounding differs from direct summation by more than the order of
  // its terms; `--exact` excludes them.
  virtual bool Exact(const Workload& /*workload*/) const { return true; }
  // Predicted work of the default config in vector multiply-adds, memory traffic included, to
  // choose between templates without records. By default that of direct summation.
  virtual double Cost(const Workload& workload, const Target& target) const;
  // Largest difference from the plain definition, relative to the largest output.
  virtual double Tolerance(const Workload& workload, const Config& config) const;
};

// The catalogue, sorted by name.
struct TemplateEntry {
  std::string name;
  const Template* impl;
};
const std::vector<TemplateEntry>& Templates();

// NotFound lists the known names.
absl::StatusOr<const Template*> FindTemplate(std::string_view name);

// The templates that match, in catalogue order.
std::vector<TemplateEntry> MatchingTemplates(const Workload& workload, const Target& target);

// The matching template to use without a record: the one of the least cost. One that is not exact
// must be cheaper by a fifth than those that are, and is left out if `exact`. nullopt: none
// matches.
std::optional<TemplateEntry> UntunedTemplate(const Workload& workload, const Target& target,
                                             bool exact);

}  // namespace tilewright
