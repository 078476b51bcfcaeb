// The calls of the loop IR (compiler/loop/expr.h): intrinsics, libm, or vector polynomials.
#pragma once

#include <span>

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// `operands` are the values of call.operands, all scalars or all vectors.
llvm::Value* EmitCall(EmitContext& ctx, const ExprNode& call,
                      std::span<llvm::Value* const> operands);

}  // namespace tilewright
