// One definition per operator, and what they share. Used only inside compiler/operators.
// REQUIRES of each: CheckWorkload(workload).ok() and the operator named.
#pragma once

#include "compiler/core/layout.h"
#include "compiler/operators/define.h"

namespace tilewright {

// conv2d with any groups, and depthwise_conv2d, whose reduction has no channels.
Compute DefineConv2d(const Workload& workload);
Compute DefineConv2dTranspose(const Workload& workload);
Compute DefineDense(const Workload& workload);
Compute DefineBatchMatmul(const Workload& workload);

// The layout of that name; an empty name is the plain layout of the given letters.
Layout LayoutNamed(const std::string& name, const std::string& letters);

// A sum reduction with the workload's buffers and no axes, body or epilogue yet. inputs[0] and
// inputs[1] are data and weight.
Compute StartCompute(const Workload& workload);

// Simplifies the indices of a definition whose axes, body and predicate are set, and gives it the
// workload's epilogue.
void FinishCompute(const Workload& workload, Expr channel, Compute* compute);

}  // namespace tilewright
