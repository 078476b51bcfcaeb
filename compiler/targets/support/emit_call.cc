#include "compiler/targets/support/emit_call.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/check.h"
#include "compiler/targets/support/emit_dot.h"
#include "compiler/targets/support/narrow_floats.h"
#include "compiler/targets/support/vector_math.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/Module.h"

namespace tilewright {
namespace {

using Operands = std::span<llvm::Value* const>;

// C's functions whose float32 form has the suffix f.
constexpr std::array<std::string_view, 17> kLibm = {
    "exp",  "log",  "tanh",  "sin",   "cos",   "tan", "asin", "acos", "atan",
    "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "pow",  "fmod"};

llvm::FunctionCallee LibmFunction(EmitContext& ctx, std::string_view name, llvm::Type* scalar,
                                  size_t arity) {
  const std::string symbol = std::string(name) + (scalar->isFloatTy() ? "f" : "");
  const std::vector<llvm::Type*> types(arity, scalar);
  llvm::Module* module = ctx.builder.GetInsertBlock()->getModule();
  llvm::FunctionCallee callee =
      module->getOrInsertFunction(symbol, llvm::FunctionType::get(scalar, types, false));
  auto* function = llvm::cast<llvm::Function>(callee.getCallee());
  function->setDoesNotThrow();
  function->setDoesNotAccessMemory();  // nobody reads errno
  function->setWillReturn();
  return callee;
}

// A scalar call. The reference keeps LLVM from folding calls of literals, for its results may
// differ in the last bit from those of the libm that the kernel meets when it runs.
llvm::Value* CallScalar(EmitContext& ctx, llvm::FunctionCallee callee,
                        llvm::ArrayRef<llvm::Value*> operands) {
  llvm::CallInst* call = ctx.builder.CreateCall(callee, operands);
  if (!ctx.fast_math) call->addFnAttr(llvm::Attribute::NoBuiltin);
  return call;
}

llvm::Value* CallLibm(EmitContext& ctx, std::string_view name, Operands operands) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Type* type = operands[0]->getType();
  const llvm::FunctionCallee callee =
      LibmFunction(ctx, name, type->getScalarType(), operands.size());
  if (!type->isVectorTy()) return CallScalar(ctx, callee, {operands.data(), operands.size()});
  llvm::Value* result = llvm::PoisonValue::get(type);
  for (unsigned lane = 0; lane < ctx.lanes.count; ++lane) {
    std::vector<llvm::Value*> parts;
    for (llvm::Value* operand : operands) parts.push_back(b.CreateExtractElement(operand, lane));
    result = b.CreateInsertElement(result, CallScalar(ctx, callee, parts), lane);
  }
  return result;
}

llvm::Intrinsic::ID IntrinsicOf(std::string_view name) {
  if (name == "sqrt") return llvm::Intrinsic::sqrt;
  if (name == "floor") return llvm::Intrinsic::floor;
  if (name == "ceil") return llvm::Intrinsic::ceil;
  if (name == "round") return llvm::Intrinsic::roundeven;
  if (name == "fma") return llvm::Intrinsic::fma;
  return llvm::Intrinsic::not_intrinsic;
}

// -1, 0 or 1; NaN stays NaN.
llvm::Value* EmitSign(EmitContext& ctx, DType dtype, llvm::Value* x) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Type* type = x->getType();
  llvm::Value* zero = llvm::Constant::getNullValue(type);
  if (IsFloat(dtype)) {
    llvm::Value* one = llvm::ConstantFP::get(type, 1);
    llvm::Value* signed_one = b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, one, x);
    return b.CreateSelect(b.CreateFCmpONE(x, zero), signed_one, x);
  }
  if (IsUnsigned(dtype)) return b.CreateZExt(b.CreateICmpNE(x, zero), type);
  return b.CreateSub(b.CreateZExt(b.CreateICmpSGT(x, zero), type),
                     b.CreateZExt(b.CreateICmpSLT(x, zero), type));
}

llvm::Value* EmitAbs(EmitContext& ctx, DType dtype, llvm::Value* x) {
  if (IsFloat(dtype)) return ctx.builder.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  if (IsUnsigned(dtype)) return x;
  return ctx.builder.CreateBinaryIntrinsic(llvm::Intrinsic::abs, x, ctx.builder.getFalse());
}

// Shifts by less than 0 or by the width and more give what is left: 0, or -1 for a negative shr.
llvm::Value* EmitShift(EmitContext& ctx, const ExprNode& call, Operands x) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Type* type = x[0]->getType();
  const unsigned bits = type->getScalarSizeInBits();
  llvm::Value* too_far = b.CreateICmpUGE(x[1], llvm::ConstantInt::get(type, bits));
  if (call.name == "shr" && !IsUnsigned(call.dtype)) {
    return b.CreateAShr(x[0],
                        b.CreateSelect(too_far, llvm::ConstantInt::get(type, bits - 1), x[1]));
  }
  llvm::Value* zero = llvm::Constant::getNullValue(type);
  llvm::Value* amount = b.CreateSelect(too_far, zero, x[1]);
  llvm::Value* shifted =
      call.name == "shl" ? b.CreateShl(x[0], amount) : b.CreateLShr(x[0], amount);
  return b.CreateSelect(too_far, zero, shifted);
}

// Calls on any number; null when `call` is a function of floats.
llvm::Value* EmitGenericCall(EmitContext& ctx, const ExprNode& call, Operands x) {
  llvm::IRBuilder<>& b = ctx.builder;
  const DType operand = call.operands[0]->dtype;
  if (call.name == "not") return b.CreateNot(x[0]);
  if (call.name == "neg") return IsFloat(operand) ? b.CreateFNeg(x[0]) : b.CreateNeg(x[0]);
  if (call.name == "abs") return EmitAbs(ctx, operand, x[0]);
  if (call.name == "sign") return EmitSign(ctx, operand, x[0]);
  if (call.name == "shl" || call.name == "shr") return EmitShift(ctx, call, x);
  if (call.name == "dot2") return EmitDotOfHalves(ctx, x[0], x[1]);
  if (call.name == "dot4") return EmitDotOfBytes(ctx, nullptr, x[0], x[1]);
  if (call.name == "dot2_bf16") return EmitDotOfBFloat16(ctx, nullptr, x[0], x[1]);
  if (call.name == "pair") return EmitPair(ctx, x[0], x[1]);
  if (call.name == "isnan") return b.CreateFCmpUNO(x[0], x[0]);
  if (call.name == "isinf") {
    llvm::Value* magnitude = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x[0]);
    return b.CreateFCmpOEQ(magnitude, llvm::ConstantFP::getInfinity(x[0]->getType()));
  }
  return nullptr;
}

// A function of floats; on 16-bit floats not yet rounded.
llvm::Value* EmitFloatCall(EmitContext& ctx, const ExprNode& call, Operands operands) {
  if (const auto id = IntrinsicOf(call.name); id != llvm::Intrinsic::not_intrinsic) {
    return ctx.builder.CreateIntrinsic(id, {operands[0]->getType()},
                                       llvm::ArrayRef(operands.data(), operands.size()));
  }
  if (ctx.fast_math && call.dtype != DType::kF64 && IsVector(operands[0])) {
    if (llvm::Value* value = EmitVectorMath(ctx, call.name, operands[0])) return value;
  }
  TW_CHECK(std::find(kLibm.begin(), kLibm.end(), call.name) != kLibm.end())
      << "unknown call " << call.name;
  return CallLibm(ctx, call.name, operands);
}

}  // namespace

llvm::Value* EmitCall(EmitContext& ctx, const ExprNode& call, Operands operands) {
  if (llvm::Value* value = EmitGenericCall(ctx, call, operands)) return value;
  llvm::Value* value = EmitFloatCall(ctx, call, operands);
  return IsNarrowFloat(call.dtype) ? RoundFloat(ctx, call.dtype, value) : value;
}

}  // namespace tilewright
