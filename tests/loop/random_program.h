// Random loop programs that pass Verify, for property tests.
#pragma once

#include <vector>

#include "base/rng.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// Reads `in` (float32[6,10]) and `index` (int64[7]), writes `out` (float32[12]). Loops of every
// kind but parallel, conditions, sequences and scratch buffers; no access is out of bounds.
Program RandomProgram(Rng* rng);

// Arguments for it: random inputs and an output of zeros.
std::vector<Tensor> RandomArguments(const Program& program, Rng* rng);

}  // namespace tilewright
