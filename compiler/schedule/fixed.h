// The schedule of every operator that is not tuned: neighbouring axes joined, parallel over the
// outer ones, vectorised over the innermost, reductions kept in registers where they fit, and what
// turns memory round transposed in registers.
#pragma once

#include "compiler/core/target.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// Always succeeds; falls back to the plain nest where nothing better is safe. Parameters hold the
// definition's bytes, in order, under shapes of their own.
Program ScheduleFixed(const Compute& compute, const Target& target);

}  // namespace tilewright
