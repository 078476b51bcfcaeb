// The layers at which templates for GPUs are sampled: those of networks, large and small, and odd
// ones, in every type that a template takes.
#pragma once

#include <string>
#include <vector>

#include "compiler/core/target.h"
#include "compiler/core/workload.h"
#include "compiler/templates/template.h"

namespace tilewright {

// A template with the layers that it takes for a target, in the list's order.
struct SampledTemplate {
  TemplateEntry entry;
  std::vector<Workload> layers;
};

// Those that take any. `names`: only these; empty: all. NotFound for an unknown name,
// FailedPrecondition for one that takes none of the layers.
absl::StatusOr<std::vector<SampledTemplate>> SampledTemplates(
    const Target& target, const std::vector<std::string>& names);

}  // namespace tilewright
