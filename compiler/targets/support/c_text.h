// Loop programs as kernels in C-like text: one body for every language, written against the macros
// and small functions of a prelude that each language has (c_prelude.h).
#pragma once

#include <string>

#include "compiler/loop/stmt.h"

namespace tilewright {

// The program as a kernel function of its name. Its parameters are pointers in order; the loops
// bound to axes become the launch's coordinates (LaunchOf). Unrolled and vectorised loops are left
// to the language's compiler. REQUIRES: Verify(program).ok().
std::string KernelText(const Program& program);

}  // namespace tilewright
