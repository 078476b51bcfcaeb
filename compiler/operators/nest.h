// Definitions that are one nest of loops around one store, as users' operators are, as workloads
// of the operator "nest": what is computed is a part of the key, so that records, workers and
// packages need nothing else to know it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// The workload of a definition, named so for people; Define gives the definition back, with inputs
// a0, a1, ..., axes i0, i1, ... and the output out. InvalidArgument where it reduces, reads
// nothing, has no axis or is longer than a key may be.
absl::StatusOr<Workload> NestWorkload(const std::string& name, const Compute& compute);

}  // namespace tilewright
