// What every schedule template must do, checked on small workloads.
#pragma once

#include <cstdint>

#include "compiler/core/workload.h"
#include "compiler/templates/template.h"

namespace tilewright {

// The default config is valid; `samples` seeded configs of the space lower to programs that verify
// and compute what the plain definition computes (interpreted); a config of another space is
// refused. Failures are reported with the workload, the config and the seed.
void CheckTemplate(const TemplateEntry& entry, const Workload& workload, const Target& target,
                   int samples, uint64_t seed);

}  // namespace tilewright
