// The schedule of every operator that is not tuned: parallel over the outer axes, vectorised over
// the innermost, reductions kept in registers where they fit.
#pragma once

#include "compiler/core/target.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// Always succeeds; falls back to the plain nest where nothing better is safe.
Program ScheduleFixed(const Compute& compute, const Target& target);

}  // namespace tilewright
