// Plain definitions of the tunable operators, in their physical layouts.
#pragma once

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// The workload as a Compute whose inputs are ArgumentTypes(workload) in order (named data,
// weight, for an epilogue's step i bias<i> per channel or residual<i>; output "out") and whose
// result applies the epilogue. Axes are the output's physical dimensions.
// REQUIRES: CheckWorkload(workload).ok().
Compute Define(const Workload& workload);

// What is summed: the product of an element of data and one of weight, in the accumulator's type.
Expr Product(const Workload& workload, Expr data, Expr weight);

// The step applied to x; `operand` is the element of its extra input, null where it has none.
Expr ApplyStep(const EpilogueOp& step, const Expr& x, const Expr& operand);

// Where a sum is stored: the output's indices, and the (physical, flattened) index into a bias.
struct OutputPlace {
  std::vector<Expr> indices;
  Expr channel;
};
// What is stored of a sum `total`: the epilogue applied to it, in the output's type. `inputs` are
// the buffers of the steps that take one, in order.
Expr ResultOf(const Workload& workload, Expr total, const std::vector<Buffer>& inputs,
              const OutputPlace& at);

}  // namespace tilewright
