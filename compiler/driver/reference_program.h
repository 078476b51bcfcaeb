// The program that computes what every other is compared with, on CPUs.
#pragma once

#include "compiler/loop/compute.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// LowerPlain's, each element by the same operations in the same order, but its longest axis is
// outermost and parallel: the reference of a large layer takes minutes of a core. Procedures and
// definitions with stages stay as they are.
Program ReferenceProgram(const Compute& compute);

}  // namespace tilewright
