#include "compiler/targets/support/emit_context.h"

namespace tilewright {

llvm::Type* ValueType(EmitContext& ctx, DType dtype) {
  if (dtype == DType::kBool) return ctx.builder.getInt1Ty();
  if (IsNarrowFloat(dtype)) return ctx.builder.getFloatTy();
  return MemoryType(ctx, dtype);
}

llvm::Type* MemoryType(EmitContext& ctx, DType dtype) {
  switch (dtype) {
    case DType::kF32: return ctx.builder.getFloatTy();
    case DType::kF64: return ctx.builder.getDoubleTy();
    default: return ctx.builder.getIntNTy(8 * static_cast<unsigned>(SizeOf(dtype)));
  }
}

llvm::Value* Widen(EmitContext& ctx, llvm::Value* value) {
  if (IsVector(value)) return value;
  return ctx.builder.CreateVectorSplat(ctx.lanes.count, value);
}

void MatchWidths(EmitContext& ctx, llvm::Value*& a, llvm::Value*& b) {
  if (IsVector(a)) b = Widen(ctx, b);
  if (IsVector(b)) a = Widen(ctx, a);
}

llvm::Value* AndMask(EmitContext& ctx, llvm::Value* mask, llvm::Value* condition) {
  return mask == nullptr ? condition : ctx.builder.CreateAnd(mask, condition);
}

}  // namespace tilewright
