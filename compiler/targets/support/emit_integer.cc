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

struct Limits {
  double lowest, highest;
};

Limits LimitsFor(DType to, const IntegerConversion& how) {
  const IntegerLimits type = LimitsOf(to);
  return {how.lowest.value_or(static_cast<double>(type.lowest)),
          how.highest.value_or(static_cast<double>(type.highest))};
}

llvm::Value* Clipped(EmitContext& ctx, llvm::Value* value, const Limits& limits) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Value* lowest = llvm::ConstantFP::get(value->getType(), limits.lowest);
  llvm::Value* highest = llvm::ConstantFP::get(value->getType(), limits.highest);
  value = ir.CreateSelect(ir.CreateFCmpOLT(value, lowest), lowest, value);
  return ir.CreateSelect(ir.CreateFCmpOGT(value, highest), highest, value);
}

// Words of 0 to `highest`: where only sums are multiplied by two of a CPU's four pipes, which
// compare floats too, integers are better compared, by any. What is below -2^31, and NaN, is
// negative as an integer. Null where there is no conversion, or no instruction that compares.
llvm::Value* ToNaturalWords(EmitContext& ctx, llvm::Value* value, double highest,
                            const IntegerConversion& how) {
  llvm::IRBuilder<>& ir = ctx.builder;
  if (llvm::cast<llvm::FixedVectorType>(value->getType())->getNumElements() < 8) return nullptr;
  if (!how.small) {
    llvm::Value* top = llvm::ConstantFP::get(value->getType(), highest);
    value = ir.CreateSelect(ir.CreateFCmpOGT(value, top), top, value);
  }
  llvm::Value* words = ToWords(ctx, value, how.rounds);
  if (words == nullptr) return nullptr;
  llvm::Type* type = words->getType();
  words = ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, words, llvm::ConstantInt::get(type, 0));
  if (!how.small) return words;
  llvm::Value* top = llvm::ConstantInt::get(type, static_cast<uint64_t>(highest));
  return ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin, words, top);
}

// To integers of at most 16 bits, whose limits float32 holds, in vectors; LLVM would go lane by
// lane.
llvm::Value* FloatToNarrow(EmitContext& ctx, llvm::Value* value, DType to,
                           const IntegerConversion& how) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const Limits limits = LimitsFor(to, how);
  llvm::Type* narrow = value->getType()->getWithNewType(ValueType(ctx, to));
  if (limits.lowest == 0) {
    llvm::Value* words = ToNaturalWords(ctx, value, limits.highest, how);
    if (words != nullptr) return ir.CreateTrunc(words, narrow, "", /*IsNUW=*/true);
  }
  llvm::Value* bounded = Clipped(ctx, value, limits);
  if (llvm::Value* words = ToWords(ctx, bounded, how.rounds)) return ir.CreateTrunc(words, narrow);
  if (how.rounds) bounded = Rounded(ctx, bounded);
  llvm::Value* zero = llvm::ConstantFP::get(value->getType(), 0.0);
  bounded = ir.CreateSelect(ir.CreateFCmpUNO(value, value), zero, bounded);
  llvm::Type* words = value->getType()->getWithNewType(ir.getInt32Ty());
  return ir.CreateTrunc(ir.CreateFPToSI(bounded, words), narrow);
}

}  // namespace

llvm::Value* FloatToInteger(EmitContext& ctx, llvm::Value* value, DType to,
                            const IntegerConversion& how) {
  const bool from_float = value->getType()->getScalarType()->isFloatTy();
  if (IsVector(value) && from_float && SizeOf(to) <= 2) {
    return FloatToNarrow(ctx, value, to, how);
  }
  if (how.lowest || how.highest) value = Clipped(ctx, value, LimitsFor(to, how));
  if (how.rounds) value = Rounded(ctx, value);
  const bool is_unsigned = IsUnsigned(to);
  llvm::Type* type = value->getType()->getWithNewType(ValueType(ctx, to));
  return ctx.builder.CreateIntrinsic(
      is_unsigned ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat,
      {type, value->getType()}, {value});
}

}  // namespace tilewright
