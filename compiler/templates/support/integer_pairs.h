// Products of integers two at a time, as the loop IR's dot2 and CPUs have them: pairs of input
// channels that follow each other in memory, weights prepared as words of two.
#pragma once

#include <vector>

#include "compiler/core/target.h"
#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/templates/lowered_task.h"

namespace tilewright {

// Whether sums of the workload over `extent` neighbouring elements are best taken by pairs: both
// inputs fit signed 16 bits, sums are int32, the extent is even, and the CPU has an instruction
// (x86 with 256-bit vectors; elsewhere 32-bit products are as fast).
bool TakesPairs(const Workload& workload, const Target& target, int64_t extent);

// Registers that a tile's accumulators, weights and data may take: without an instruction that also
// adds, a product needs one of its own.
inline int RegistersForPairs(const Target& target) { return TraitsOf(target).vector_registers - 1; }

// The word of two 16-bit integers, the first in the lower half. REQUIRES: both fit.
Expr PairWord(const Expr& first, const Expr& second);

// `compute` reads at inputs[1], instead of the task's weights, `words` (int32): what `program`, of
// params weights and words, makes of them once.
LoweredTask WithPreparedWeights(Program compute, Program preparation);

}  // namespace tilewright
