// The schedule of a definition with stages on a CPU: blocks of some rows, shared out among threads.
// Each stage is a nest of its own over the block's rows, vectorised along its columns, and what it
// hands on is scratch of the block's rows that stays in the first or second cache. Private to the
// folder.
#pragma once

#include "compiler/core/target.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// REQUIRES: the definition has stages. Rounds sums in another order than LowerPlain, by lanes.
Program ScheduleRows(const Compute& compute, const Target& target);

}  // namespace tilewright
