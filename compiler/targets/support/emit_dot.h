// The integer dot product of the loop IR ("dot2" of compiler/loop/expr.h) as LLVM IR.
#pragma once

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// The sum of the products of the lower and of the upper signed 16-bit halves of a and b, lane by
// lane. On x86 vpmaddwd, which with a sum after it becomes vpdpwssd where there is VNNI; elsewhere
// multiplications of 32 bits. REQUIRES: i32, or vectors of it of one length.
llvm::Value* EmitDotOfHalves(EmitContext& ctx, llvm::Value* a, llvm::Value* b);

}  // namespace tilewright
