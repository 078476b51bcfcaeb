// What every schedule template must do, checked on small workloads.
#pragma once

#include <cstdint>

#include "compiler/core/workload.h"
#include "compiler/templates/template.h"

namespace tilewright {

// Of arguments: integers within +-100 and floats within +-1; or the largest and the least of the
// type (floats +-1) in long runs.
enum class Elements { kModerate, kExtremes };

// The default config is valid; `samples` seeded configs of the space lower to programs that verify
// and compute what the plain definition computes (interpreted); a config of another space is
// refused. Failures are reported with the workload, the config and the seed.
void CheckTemplate(const TemplateEntry& entry, const Workload& workload, const Target& target,
                   int samples, uint64_t seed, Elements elements = Elements::kModerate);

}  // namespace tilewright
