// Floats as integers.
#pragma once

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// `value`, float32 or float64 in a register, as an integer: truncated, or rounded (half to even).
// What is out of range saturates and NaN becomes zero, so that results never depend on the CPU.
llvm::Value* FloatToInteger(EmitContext& ctx, llvm::Value* value, DType to, bool rounds);

}  // namespace tilewright
