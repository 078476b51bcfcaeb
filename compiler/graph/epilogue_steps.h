// Which maps are epilogues: what fuse_epilogues recognises.
#pragma once

#include <optional>
#include <vector>

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// An epilogue step and the load of its extra input, null where it has none.
struct FusedStep {
  EpilogueOp op;
  Expr operand;
};

// The steps, first to last, that make `map` of its input `anchor`, an operator's plain output with
// channels along axis 1; nullopt when it is anything else. Sums of integers may become floats on
// the way (StepTypeOf), floats narrow integers at the end, and float32 and 16-bit floats each
// other, without a step too.
std::optional<std::vector<FusedStep>> MatchEpilogue(const Compute& map, const Buffer& anchor);

}  // namespace tilewright
