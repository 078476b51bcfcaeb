#include "compiler/targets/support/emit_dot.h"

#include <bit>
#include <numeric>
#include <vector>

#include "compiler/targets/support/narrow_floats.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsAArch64.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace tilewright {
namespace {

unsigned LanesOf(llvm::Value* value) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector == nullptr ? 1 : vector->getNumElements();
}

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

llvm::Value* MultiplyAdd(EmitContext& ctx, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const unsigned lanes = LanesOf(a);
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

llvm::Value* BytesByProducts(EmitContext& ctx, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Value* sum = nullptr;
  for (const int up : {24, 16, 8, 0}) {
    llvm::Value* x = ir.CreateLShr(ir.CreateShl(a, up), 24);
    llvm::Value* product = ir.CreateMul(x, ir.CreateAShr(ir.CreateShl(b, up), 24));
    sum = sum == nullptr ? product : ir.CreateAdd(sum, product);
  }
  return sum;
}

llvm::Intrinsic::ID ByteDotOf(unsigned lanes) {
  switch (lanes) {
    case 4: return llvm::Intrinsic::x86_avx512_vpdpbusd_128;
    case 8: return llvm::Intrinsic::x86_avx512_vpdpbusd_256;
    case 16: return llvm::Intrinsic::x86_avx512_vpdpbusd_512;
    default: return llvm::Intrinsic::not_intrinsic;
  }
}

llvm::Value* AddByteDot(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const unsigned lanes = LanesOf(a);
  if (ctx.quad_bits > 128) return ir.CreateIntrinsic(ByteDotOf(lanes), {}, {acc, a, b});
  llvm::Type* bytes = llvm::FixedVectorType::get(ir.getInt8Ty(), 4 * lanes);
  return ir.CreateIntrinsic(llvm::Intrinsic::aarch64_neon_usdot, {acc->getType(), bytes},
                            {acc, ir.CreateBitCast(a, bytes), ir.CreateBitCast(b, bytes)});
}

llvm::Value* AddFloatDot(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const unsigned lanes = LanesOf(a);
  llvm::Type* pairs = llvm::FixedVectorType::get(ir.getBFloatTy(), 2 * lanes);
  const llvm::Intrinsic::ID id = lanes == 16  ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512
                                 : lanes == 8 ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256
                                              : llvm::Intrinsic::x86_avx512bf16_dpbf16ps_128;
  return ir.CreateIntrinsic(id, {}, {acc, ir.CreateBitCast(b, pairs), ir.CreateBitCast(a, pairs)});
}

// acc and the two products; the bits of a bfloat16 are the upper half of a float32's.
llvm::Value* AddFloatProducts(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  for (const bool upper : {false, true}) {
    const auto number = [&](llvm::Value* word) {
      llvm::Value* bits = upper ? ir.CreateAnd(word, 0xffff0000) : ir.CreateShl(word, 16);
      return ir.CreateBitCast(bits, acc->getType());
    };
    acc =
        ir.CreateIntrinsic(llvm::Intrinsic::fmuladd, {acc->getType()}, {number(a), number(b), acc});
  }
  return acc;
}

// By halves where vectors are wider than `most` lanes.
template <typename Emit>
llvm::Value* ByHalves(EmitContext& ctx, const std::vector<llvm::Value*>& operands, unsigned most,
                      const Emit& emit) {
  const unsigned lanes = LanesOf(operands[0]);
  if (lanes <= most) return emit(operands);
  const unsigned half = lanes / 2;
  llvm::Value* parts[2];
  for (unsigned i : {0U, 1U}) {
    std::vector<llvm::Value*> pieces;
    for (llvm::Value* x : operands) pieces.push_back(Piece(ctx, x, i * half, half));
    parts[i] = ByHalves(ctx, pieces, most, emit);
  }
  std::vector<int> all(lanes);
  std::iota(all.begin(), all.end(), 0);
  return ctx.builder.CreateShuffleVector(parts[0], parts[1], all);
}

// Whether an instruction of vectors of `bits` multiplies so many lanes, whole or by halves.
bool HasInstruction(int bits, unsigned lanes) {
  return bits > 0 && std::has_single_bit(lanes) && lanes >= 4;
}

}  // namespace

llvm::Value* EmitDotOfHalves(EmitContext& ctx, llvm::Value* a, llvm::Value* b) {
  if (!HasInstruction(ctx.pair_bits, LanesOf(a))) return DotByProducts(ctx, a, b);
  return ByHalves(ctx, {a, b}, ctx.pair_bits / 32,
                  [&](const auto& x) { return MultiplyAdd(ctx, x[0], x[1]); });
}

llvm::Value* EmitDotOfBytes(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b) {
  if (!HasInstruction(ctx.quad_bits, LanesOf(a))) {
    llvm::Value* dot = BytesByProducts(ctx, a, b);
    return acc == nullptr ? dot : ctx.builder.CreateAdd(acc, dot);
  }
  if (acc == nullptr) acc = llvm::Constant::getNullValue(a->getType());
  return ByHalves(ctx, {acc, a, b}, ctx.quad_bits / 32,
                  [&](const auto& x) { return AddByteDot(ctx, x[0], x[1], x[2]); });
}

llvm::Value* EmitDotOfBFloat16(EmitContext& ctx, llvm::Value* acc, llvm::Value* a, llvm::Value* b) {
  if (acc == nullptr) {
    acc = llvm::Constant::getNullValue(a->getType()->getWithNewType(ctx.builder.getFloatTy()));
  }
  if (!HasInstruction(ctx.float_pair_bits, LanesOf(a))) return AddFloatProducts(ctx, acc, a, b);
  return ByHalves(ctx, {acc, a, b}, ctx.float_pair_bits / 32,
                  [&](const auto& x) { return AddFloatDot(ctx, x[0], x[1], x[2]); });
}

llvm::Value* EmitPair(EmitContext& ctx, llvm::Value* low, llvm::Value* high) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Type* words = low->getType()->getWithNewType(ir.getInt32Ty());
  const auto bits = [&](llvm::Value* x) {
    return ir.CreateZExt(FloatBits(ctx, DType::kBF16, x), words);
  };
  return ir.CreateOr(bits(low), ir.CreateShl(bits(high), 16));
}

}  // namespace tilewright
