// Programs that fill an output together, run side by side instead of one after the other.
#pragma once

#include <vector>

#include "compiler/templates/lowered_task.h"

namespace tilewright {

// A task of these programs, in order, where up to four whose parallel loops are equally long are
// one: an iteration runs each program's iteration of that number, so that what they all read comes
// from memory once and an output line that they share is written while it is in the cache.
// REQUIRES: the programs' parameters agree in number, types and shapes and are the task's
// arguments; no program reads what another writes.
LoweredTask PhaseSteps(const std::vector<Program>& phases);

}  // namespace tilewright
