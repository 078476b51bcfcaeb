// Vector forms of float32 exp, log, tanh and erf. Largest relative errors against libm: exp
// 2e-7, log 3e-7, tanh 3e-7, erf 5e-7 (measured by tests/targets). Infinities, NaN, zeros and
// the underflow of exp are those of libm; log flushes nothing.
#pragma once

#include <string_view>

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// Null when there is no vector form of `name`. REQUIRES: x is a vector of floats.
llvm::Value* EmitVectorMath(EmitContext& ctx, std::string_view name, llvm::Value* x);

}  // namespace tilewright
