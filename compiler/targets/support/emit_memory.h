// Loads and stores: scalar, contiguous vector, strided, gathered, and masked where lanes are off.
#pragma once

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// A uniform address gives a scalar. REQUIRES: e->kind == kLoad.
llvm::Value* EmitLoad(EmitContext& ctx, const Expr& e);

// buffer[indices...] = value. REQUIRES: inside a lane loop the address differs from lane to lane.
void EmitStore(EmitContext& ctx, const BufferNode& buffer, const std::vector<Expr>& indices,
               llvm::Value* value);

}  // namespace tilewright
