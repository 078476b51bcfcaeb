// What the definitions of operators share. Used only inside compiler/operators.
// REQUIRES of each: CheckWorkload(workload).ok().
#pragma once

#include "compiler/core/layout.h"
#include "compiler/operators/define.h"

namespace tilewright {

// The layout of that name; an empty name is the plain layout of the given letters.
Layout LayoutNamed(const std::string& name, const std::string& letters);

// A sum reduction with the workload's buffers and no axes, body or epilogue yet. inputs[0] and
// inputs[1] are data and weight.
Compute StartCompute(const Workload& workload);

// Simplifies the indices of a definition whose axes, body and predicate are set, and gives it the
// workload's epilogue.
void FinishCompute(const Workload& workload, Expr channel, Compute* compute);

}  // namespace tilewright
