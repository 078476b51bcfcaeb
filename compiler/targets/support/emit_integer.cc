#include "compiler/targets/support/emit_integer.h"

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace tilewright {
namespace {

llvm::Value* Rounded(EmitContext& ctx, llvm::Value* value) {
  return ctx.builder.CreateUnaryIntrinsic(llvm::Intrinsic::roundeven, value);
}

llvm::Intrinsic::ID ConversionOf(unsigned lanes, bool rounds) {
  using namespace llvm::Intrinsic;
  switch (lanes) {
    case 4: return rounds ? x86_sse2_cvtps2dq : x86_sse2_cvttps2dq;
    case 8: return rounds ? x86_avx_cvt_ps2dq_256 : x86_avx_cvtt_ps2dq_256;
    case 16: return rounds ? x86_avx512_mask_cvtps2dq_512 : x86_avx512_mask_cvttps2dq_512;
    default: return not_intrinsic;
  }
}

// By the instructions of x86, which round as the mode says, to even, and make 0x80000000 of NaN:
// the lower half is zero. Null where there is none for so many lanes.
llvm::Value* ToWords(EmitContext& ctx, llvm::Value* value, bool rounds) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const unsigned lanes = llvm::cast<llvm::FixedVectorType>(value->getType())->getNumElements();
  const llvm::Intrinsic::ID id = ConversionOf(lanes, rounds);
  if (id == llvm::Intrinsic::not_intrinsic || static_cast<int>(lanes) * 32 > ctx.pair_bits) {
    return nullptr;
  }
  if (lanes < 16) return ir.CreateIntrinsic(id, {}, {value});
  constexpr uint32_t kCurrentMode = 4;
  llvm::Value* none =
      llvm::Constant::getNullValue(value->getType()->getWithNewType(ir.getInt32Ty()));
  return ir.CreateIntrinsic(id, {}, {value, none, ir.getInt16(0xffff), ir.getInt32(kCurrentMode)});
}

// To integers of at most 16 bits, whose limits float32 holds, in vectors; LLVM would go lane by
// lane.
llvm::Value* FloatToNarrow(EmitContext& ctx, llvm::Value* value, DType to, bool rounds) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Type* type = value->getType();
  const auto number = [&](auto x) { return llvm::ConstantFP::get(type, static_cast<double>(x)); };
  llvm::Value *lowest = number(LimitsOf(to).lowest), *highest = number(LimitsOf(to).highest);
  llvm::Value* bounded = ir.CreateSelect(ir.CreateFCmpOLT(value, lowest), lowest, value);
  bounded = ir.CreateSelect(ir.CreateFCmpOGT(bounded, highest), highest, bounded);
  llvm::Type* narrow = type->getWithNewType(ValueType(ctx, to));
  if (llvm::Value* words = ToWords(ctx, bounded, rounds)) return ir.CreateTrunc(words, narrow);
  if (rounds) bounded = Rounded(ctx, bounded);
  bounded = ir.CreateSelect(ir.CreateFCmpUNO(value, value), number(0), bounded);
  return ir.CreateTrunc(ir.CreateFPToSI(bounded, type->getWithNewType(ir.getInt32Ty())), narrow);
}

}  // namespace

llvm::Value* FloatToInteger(EmitContext& ctx, llvm::Value* value, DType to, bool rounds) {
  const bool from_float = value->getType()->getScalarType()->isFloatTy();
  if (IsVector(value) && from_float && SizeOf(to) <= 2) {
    return FloatToNarrow(ctx, value, to, rounds);
  }
  if (rounds) value = Rounded(ctx, value);
  const bool is_unsigned = IsUnsigned(to);
  llvm::Type* type = value->getType()->getWithNewType(ValueType(ctx, to));
  return ctx.builder.CreateIntrinsic(
      is_unsigned ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat,
      {type, value->getType()}, {value});
}

}  // namespace tilewright
