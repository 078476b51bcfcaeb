// The candidates of one split knob, in AutoTVM's order.
#pragma once

#include <vector>

#include "compiler/core/config.h"
#include "compiler/schedule/config_space.h"

namespace tilewright {

// [-1, f1, .., fk] for every admitted tuple of factors: depth first over the ascending factors,
// the innermost varying slowest (apache/tvm v0.18 autotvm/task/space.py SplitSpace).
// REQUIRES: extent > 0, outputs >= 2.
std::vector<Entity> SplitCandidates(int64_t extent, const SplitOptions& options);

// The entity's sizes with a leading -1 replaced by ceil(extent / product of the rest).
std::vector<int64_t> ResolvedSizes(const SplitEntity& entity, int64_t extent);

}  // namespace tilewright
