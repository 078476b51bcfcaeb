#include "compiler/targets/support/emit_dot.h"

#include <bit>
#include <numeric>
#include <vector>

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace tilewright {
namespace {

llvm::Value* DotByProducts(EmitContext& ctx, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const auto lower = [&](llvm::Value* x) { return ir.CreateAShr(ir.CreateShl(x, 16), 16); };
  const auto upper = [&](llvm::Value* x) { return ir.CreateAShr(x, 16); };
  return ir.CreateAdd(ir.CreateMul(lower(a), lower(b)), ir.CreateMul(upper(a), upper(b)));
}

llvm::Intrinsic::ID MultiplyAddOf(unsigned lanes) {
  switch (lanes) {
    case 4: return llvm::Intrinsic::x86_sse2_pmadd_wd;
    case 8: return llvm::Intrinsic::x86_avx2_pmadd_wd;
    case 16: return llvm::Intrinsic::x86_avx512_pmaddw_d_512;
    default: return llvm::Intrinsic::not_intrinsic;
  }
}

llvm::Value* MultiplyAdd(EmitContext& ctx, llvm::Value* a, llvm::Value* b, unsigned lanes) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Type* halves = llvm::FixedVectorType::get(ir.getInt16Ty(), 2 * lanes);
  return ir.CreateIntrinsic(MultiplyAddOf(lanes), {},
                            {ir.CreateBitCast(a, halves), ir.CreateBitCast(b, halves)});
}

// Lanes [first, first + count) of a vector.
llvm::Value* Piece(EmitContext& ctx, llvm::Value* x, unsigned first, unsigned count) {
  std::vector<int> picked(count);
  std::iota(picked.begin(), picked.end(), static_cast<int>(first));
  return ctx.builder.CreateShuffleVector(x, picked);
}

// Vectors wider than the CPU's, by halves.
llvm::Value* DotByInstruction(EmitContext& ctx, llvm::Value* a, llvm::Value* b, unsigned lanes) {
  if (lanes * 32 <= static_cast<unsigned>(ctx.pair_bits)) return MultiplyAdd(ctx, a, b, lanes);
  const unsigned half = lanes / 2;
  llvm::Value* parts[2];
  for (unsigned i : {0U, 1U}) {
    parts[i] =
        DotByInstruction(ctx, Piece(ctx, a, i * half, half), Piece(ctx, b, i * half, half), half);
  }
  std::vector<int> all(lanes);
  std::iota(all.begin(), all.end(), 0);
  return ctx.builder.CreateShuffleVector(parts[0], parts[1], all);
}

}  // namespace

llvm::Value* EmitDotOfHalves(EmitContext& ctx, llvm::Value* a, llvm::Value* b) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(a->getType());
  const unsigned lanes = vector == nullptr ? 1 : vector->getNumElements();
  const bool by_instruction = ctx.pair_bits > 0 && std::has_single_bit(lanes) && lanes >= 4;
  return by_instruction ? DotByInstruction(ctx, a, b, lanes) : DotByProducts(ctx, a, b);
}

}  // namespace tilewright
