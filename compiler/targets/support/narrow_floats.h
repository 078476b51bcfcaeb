// 16-bit floats in LLVM IR: two bytes in memory (i16), in registers a float32 whose value the type
// has. Conversions are single instructions where the CPU has them, else integer sequences: kernels
// call no run-time library. bfloat16 always goes by integers, for AVX512_BF16 flushes subnormals.
// Scalars and vectors alike.
#pragma once

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// The float32 of the bits in memory.
llvm::Value* WidenFloat(EmitContext& ctx, DType narrow, llvm::Value* bits);
// The bits of a float32 whose value the type has. REQUIRES: a result of RoundFloat or WidenFloat.
llvm::Value* FloatBits(EmitContext& ctx, DType narrow, llvm::Value* value);
// The nearest value of the type, ties to even, as a float32 (base/narrow_float.h).
llvm::Value* RoundFloat(EmitContext& ctx, DType narrow, llvm::Value* value);

}  // namespace tilewright
