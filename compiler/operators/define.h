// Plain definitions of the tunable operators, in their physical layouts.
#pragma once

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// The workload as a Compute whose inputs are ArgumentTypes(workload) in order (named data,
// weight, bias<i>/residual<i> by epilogue position; output "out") and whose result applies the
// epilogue. Axes are the output's physical dimensions. REQUIRES: CheckWorkload(workload).ok().
Compute Define(const Workload& workload);

// Applies the epilogue to `value` at output position `axes`; `inputs` are the buffers of the
// steps that take one, in order. `channel` is the (physical, flattened) index into a bias.
Expr ApplyEpilogue(const std::vector<EpilogueOp>& epilogue, Expr value,
                   const std::vector<Buffer>& inputs, const std::vector<Expr>& axes, Expr channel);

}  // namespace tilewright
