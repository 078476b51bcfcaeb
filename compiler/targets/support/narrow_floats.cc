#include "compiler/targets/support/narrow_floats.h"

#include "llvm/IR/Intrinsics.h"

namespace tilewright {
namespace {

// Integer arithmetic on the bits of float32 values of one shape.
class Bits {
 public:
  Bits(EmitContext& ctx, llvm::Type* shape)
      : b_(ctx.builder),
        float_(shape->getWithNewType(b_.getFloatTy())),
        int_(shape->getWithNewType(b_.getInt32Ty())),
        short_(shape->getWithNewType(b_.getInt16Ty())) {}

  llvm::Value* C(uint32_t value) { return llvm::ConstantInt::get(int_, value); }
  llvm::Value* F(double value) { return llvm::ConstantFP::get(float_, value); }
  llvm::Value* Of(llvm::Value* x) { return b_.CreateBitCast(x, int_); }
  llvm::Value* Float(llvm::Value* bits) { return b_.CreateBitCast(bits, float_); }
  llvm::Value* Extend(llvm::Value* bits) { return b_.CreateZExt(bits, int_); }
  llvm::Value* Truncate(llvm::Value* bits) { return b_.CreateTrunc(bits, short_); }
  llvm::Value* And(llvm::Value* x, uint32_t y) { return b_.CreateAnd(x, C(y)); }
  llvm::Value* Or(llvm::Value* x, uint32_t y) { return b_.CreateOr(x, C(y)); }
  llvm::Value* Left(llvm::Value* x, uint32_t n) { return b_.CreateShl(x, C(n)); }
  llvm::Value* Right(llvm::Value* x, uint32_t n) { return b_.CreateLShr(x, C(n)); }
  llvm::Value* Add(llvm::Value* x, uint32_t y) { return b_.CreateAdd(x, C(y)); }
  llvm::Value* Less(llvm::Value* x, uint32_t y) { return b_.CreateICmpULT(x, C(y)); }
  llvm::Value* If(llvm::Value* condition, llvm::Value* yes, llvm::Value* no) {
    return b_.CreateSelect(condition, yes, no);
  }
  // Clears the lowest `n` bits, rounded to the nearest, ties to even.
  llvm::Value* Rounded(llvm::Value* x, uint32_t n) {
    llvm::Value* odd = And(Right(x, n), 1);
    return And(b_.CreateAdd(Add(x, (1u << (n - 1)) - 1), odd), ~((1u << n) - 1));
  }

 private:
  llvm::IRBuilder<>& b_;
  llvm::Type *float_, *int_, *short_;
};

constexpr uint32_t kInfinity = 0x7f800000, kQuiet = 0x400000, kSign = 0x80000000;
constexpr uint32_t kSmallestNormal16 = 0x38800000;  // 2^-14
constexpr uint32_t kOverflow16 = 0x477ff000;        // 65520, which rounds to infinity

llvm::Type* HalfLike(EmitContext& ctx, llvm::Value* value) {
  return value->getType()->getWithNewType(ctx.builder.getHalfTy());
}

// F. Giesen, "half to float done quick" (gist.github.com/rygorous/2144712): the exponent is rebased
// by an addition, for subnormals followed by a subtraction of floats.
llvm::Value* WidenFloat16(EmitContext& ctx, llvm::Value* half) {
  Bits b(ctx, half->getType());
  llvm::Value* wide = b.Extend(half);
  llvm::Value* shifted = b.Left(b.And(wide, 0x7fff), 13);
  llvm::Value* normal = b.Add(shifted, 112u << 23);
  llvm::Value* small = ctx.builder.CreateFSub(b.Float(b.Add(shifted, 113u << 23)), b.F(0x1p-14));
  llvm::Value* special = b.Or(shifted, kInfinity);
  llvm::Value* is_nan = ctx.builder.CreateFCmpUNO(b.Float(special), b.Float(special));
  special = b.If(is_nan, b.Or(special, kQuiet), special);
  llvm::Value* finite = b.If(b.Less(shifted, 1u << 23), b.Of(small), normal);
  llvm::Value* magnitude = b.If(b.Less(shifted, 0x1fu << 23), finite, special);
  llvm::Value* sign = b.Left(b.And(wide, 0x8000), 16);
  return b.Float(ctx.builder.CreateOr(magnitude, sign));
}

// Adding 0.5, whose last bit is float16's smallest subnormal, rounds to subnormals.
llvm::Value* RoundToFloat16(EmitContext& ctx, llvm::Value* value) {
  Bits b(ctx, value->getType());
  llvm::Value* bits = b.Of(value);
  llvm::Value* magnitude = b.And(bits, ~kSign);
  llvm::Value* sum = ctx.builder.CreateFAdd(b.Float(magnitude), b.F(0.5));
  llvm::Value* small = b.Of(ctx.builder.CreateFSub(sum, b.F(0.5)));
  llvm::Value* finite = b.If(b.Less(magnitude, kSmallestNormal16), small, b.Rounded(magnitude, 13));
  llvm::Value* rounded = b.If(b.Less(magnitude, kOverflow16), finite, b.C(kInfinity));
  llvm::Value* nan = b.And(b.Or(magnitude, kQuiet), ~0x1fffu);
  rounded = b.If(b.Less(magnitude, kInfinity + 1), rounded, nan);
  return b.Float(ctx.builder.CreateOr(rounded, b.And(bits, kSign)));
}

llvm::Value* BitsOfFloat16(EmitContext& ctx, llvm::Value* value) {
  Bits b(ctx, value->getType());
  llvm::Value* bits = b.Of(value);
  llvm::Value* magnitude = b.And(bits, ~kSign);
  llvm::Value* sum = ctx.builder.CreateFAdd(b.Float(magnitude), b.F(0.5));
  llvm::Value* small = b.Add(b.Of(sum), 0u - 0x3f000000u);
  llvm::Value* normal = b.Right(b.Add(magnitude, 0u - (112u << 23)), 13);
  llvm::Value* special = b.Or(b.And(b.Right(magnitude, 13), 0x3ff), 0x7c00);
  llvm::Value* finite = b.If(b.Less(magnitude, kSmallestNormal16), small, normal);
  llvm::Value* result = b.If(b.Less(magnitude, kInfinity), finite, special);
  return b.Truncate(ctx.builder.CreateOr(result, b.And(b.Right(bits, 16), 0x8000)));
}

llvm::Value* RoundToBFloat16(EmitContext& ctx, llvm::Value* value) {
  Bits b(ctx, value->getType());
  llvm::Value* bits = b.Of(value);
  llvm::Value* nan = b.And(b.Or(bits, kQuiet), 0xffff0000);
  llvm::Value* is_nan = ctx.builder.CreateFCmpUNO(value, value);
  return b.Float(b.If(is_nan, nan, b.Rounded(bits, 16)));
}

}  // namespace

llvm::Value* WidenFloat(EmitContext& ctx, DType narrow, llvm::Value* bits) {
  llvm::IRBuilder<>& ir = ctx.builder;
  if (narrow == DType::kBF16) {
    Bits b(ctx, bits->getType());
    return b.Float(b.Left(b.Extend(bits), 16));
  }
  if (!ctx.converts_float16) return WidenFloat16(ctx, bits);
  const llvm::IRBuilder<>::FastMathFlagGuard guard(ir);
  ir.clearFastMathFlags();
  llvm::Value* half = ir.CreateBitCast(bits, HalfLike(ctx, bits));
  return ir.CreateFPExt(half, half->getType()->getWithNewType(ir.getFloatTy()));
}

llvm::Value* FloatBits(EmitContext& ctx, DType narrow, llvm::Value* value) {
  llvm::IRBuilder<>& ir = ctx.builder;
  if (narrow == DType::kBF16) {
    Bits b(ctx, value->getType());
    return b.Truncate(b.Right(b.Of(value), 16));
  }
  if (!ctx.converts_float16) return BitsOfFloat16(ctx, value);
  const llvm::IRBuilder<>::FastMathFlagGuard guard(ir);
  ir.clearFastMathFlags();
  llvm::Value* half = ir.CreateFPTrunc(value, HalfLike(ctx, value));
  return ir.CreateBitCast(half, half->getType()->getWithNewType(ir.getInt16Ty()));
}

llvm::Value* RoundFloat(EmitContext& ctx, DType narrow, llvm::Value* value) {
  if (narrow == DType::kBF16) return RoundToBFloat16(ctx, value);
  if (!ctx.converts_float16) return RoundToFloat16(ctx, value);
  llvm::IRBuilder<>& ir = ctx.builder;
  const llvm::IRBuilder<>::FastMathFlagGuard guard(ir);
  ir.clearFastMathFlags();
  return ir.CreateFPExt(ir.CreateFPTrunc(value, HalfLike(ctx, value)), value->getType());
}

}  // namespace tilewright
