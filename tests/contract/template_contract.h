// What every schedule template must do, checked on small workloads.
#pragma once

#include <cstdint>

#include "compiler/core/workload.h"
#include "compiler/templates/template.h"

namespace tilewright {

// Of arguments: integers within +-100 and floats within +-1; or the largest and the least of the
// type (floats +-1) in long runs.
enum class Elements { kModerate, kExtremes };

// Configs of the space that are tried beside the default.
struct Samples {
  int count = 1;
  uint64_t seed = 1;
  Elements elements = Elements::kModerate;
};

// The default config is valid; it and the samples lower to programs that verify and compute what
// the plain definition computes (interpreted); a config of another space is refused. Failures are
// reported with the workload, the config and the seed.
void CheckTemplate(const TemplateEntry& entry, const Workload& workload, const Target& target,
                   const Samples& samples);

}  // namespace tilewright
