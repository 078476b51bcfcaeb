// Replaces kUnrolled loops by copies of their bodies, simplified. Run before code generation.
#pragma once

#include "compiler/loop/stmt.h"

namespace tilewright {

Program UnrollLoops(const Program& program);

}  // namespace tilewright
