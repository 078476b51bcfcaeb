// The dot products of narrow numbers of the loop IR ("dot2", "dot4", "dot2_bf16" of
// compiler/loop/calls.h) as LLVM IR.
#pragma once

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// The sum of the products of the lower and of the upper signed 16-bit halves of a and b, lane by
// lane. On x86 vpmaddwd, which with a sum after it becomes vpdpwssd where there is VNNI; elsewhere
// multiplications of 32 bits. REQUIRES: i32, or vectors of it of one length.
llvm::Value* EmitDotOfHalves(EmitContext& ctx, llvm::Value* a, llvm::Value* b);

// acc and the sum of the four products of a's unsigned and b's signed bytes, lane by lane; a null
// `acc` is zero. vpdpbusd on x86 with AVX512_VNNI or AVX-VNNI, usdot on AArch64 with I8MM;
// elsewhere multiplications of 32 bits. REQUIRES: as EmitDotOfHalves.
llvm::Value* EmitDotOfBytes(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b);

// acc and the sum of the products of a's and b's pairs of bfloat16, lane by lane, in float32; a
// null `acc` is zero. vdpbf16ps on x86 with AVX512_BF16, which takes subnormals for zeros;
// elsewhere two multiply-adds. REQUIRES: a and b as EmitDotOfHalves; acc in floats.
llvm::Value* EmitDotOfBFloat16(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b);

// The word of the bits of two bfloat16, as registers hold them, the first in the lower half.
llvm::Value* EmitPair(EmitContext& ctx, llvm::Value* low, llvm::Value* high);

}  // namespace tilewright
