#include <cmath>
#include <optional>

#include "base/check.h"
#include "compiler/loop/float_size.h"
#include "compiler/loop/visit.h"
#include "compiler/targets/support/emit_byte_words.h"
#include "compiler/targets/support/emit_call.h"
#include "compiler/targets/support/emit_context.h"
#include "compiler/targets/support/emit_dot.h"
#include "compiler/targets/support/emit_integer.h"
#include "compiler/targets/support/emit_memory.h"
#include "compiler/targets/support/flat_index.h"
#include "compiler/targets/support/narrow_floats.h"
#include "llvm/IR/Intrinsics.h"

namespace tilewright {
namespace {

llvm::Value* EmitVar(EmitContext& ctx, const Expr& e) {
  if (e != ctx.lanes.var) {
    const auto var = ctx.vars.find(e.get());
    TW_CHECK(var != ctx.vars.end()) << "variable " << e->name << " is not in scope";
    return var->second.value;
  }
  std::vector<llvm::Constant*> steps;
  for (unsigned lane = 0; lane < ctx.lanes.count; ++lane) {
    steps.push_back(ctx.builder.getInt64(lane));
  }
  return ctx.builder.CreateNSWAdd(Widen(ctx, ctx.lanes.first), llvm::ConstantVector::get(steps));
}

// Floor division, or its modulo, of signed integers that may be negative. b != 0.
llvm::Value* EmitFloorDivision(EmitContext& ctx, BinaryOp op, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Value* remainder = ir.CreateSRem(a, b);
  llvm::Value* zero = llvm::Constant::getNullValue(a->getType());
  llvm::Value* signs_differ = ir.CreateICmpSLT(ir.CreateXor(remainder, b), zero);
  llvm::Value* fix = ir.CreateAnd(ir.CreateICmpNE(remainder, zero), signs_differ);
  if (op == BinaryOp::kMod) {
    return ir.CreateSelect(fix, ir.CreateAdd(remainder, b), remainder);
  }
  llvm::Value* quotient = ir.CreateSDiv(a, b);
  return ir.CreateSub(quotient, ir.CreateZExt(fix, a->getType()));
}

llvm::Value* EmitNaturalDivision(EmitContext& ctx, BinaryOp op, llvm::Value* a, llvm::Value* b) {
  return op == BinaryOp::kDiv ? ctx.builder.CreateUDiv(a, b) : ctx.builder.CreateURem(a, b);
}

// Divisors that are not known: x / 0 = x % 0 = 0 and x / -1 wraps, where a CPU would trap.
llvm::Value* EmitGuardedDivision(EmitContext& ctx, const Expr& e, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Value* zero = llvm::Constant::getNullValue(b->getType());
  llvm::Value* one = llvm::ConstantInt::get(b->getType(), 1);
  llvm::Value* is_zero = ir.CreateICmpEQ(b, zero);
  if (IsUnsigned(e->dtype)) {
    llvm::Value* result = EmitNaturalDivision(ctx, e->op, a, ir.CreateSelect(is_zero, one, b));
    return ir.CreateSelect(is_zero, zero, result);
  }
  llvm::Value* is_minus_one = ir.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(b->getType()));
  llvm::Value* safe = ir.CreateSelect(ir.CreateOr(is_zero, is_minus_one), one, b);
  llvm::Value* result = EmitFloorDivision(ctx, e->op, a, safe);
  llvm::Value* negated = e->op == BinaryOp::kDiv ? ir.CreateNeg(a) : zero;
  return ir.CreateSelect(is_zero, zero, ir.CreateSelect(is_minus_one, negated, result));
}

llvm::Value* EmitIntegerDivision(EmitContext& ctx, const Expr& e, llvm::Value* a, llvm::Value* b) {
  const int64_t* literal = AsInt(e->operands[1]);
  if (literal == nullptr || *literal <= 0) return EmitGuardedDivision(ctx, e, a, b);
  const std::optional<Range> dividend = BoundsOf(e->operands[0], ctx.ranges);
  const bool natural = IsUnsigned(e->dtype) || (dividend && dividend->lo >= 0);
  return natural ? EmitNaturalDivision(ctx, e->op, a, b) : EmitFloorDivision(ctx, e->op, a, b);
}

llvm::Value* EmitFloatBinary(EmitContext& ctx, BinaryOp op, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  switch (op) {
    case BinaryOp::kAdd: return ir.CreateFAdd(a, b);
    case BinaryOp::kSub: return ir.CreateFSub(a, b);
    case BinaryOp::kMul: return ir.CreateFMul(a, b);
    case BinaryOp::kDiv: return ir.CreateFDiv(a, b);
    case BinaryOp::kMin: return ir.CreateSelect(ir.CreateFCmpOLT(b, a), b, a);
    case BinaryOp::kMax: return ir.CreateSelect(ir.CreateFCmpOLT(a, b), b, a);
    case BinaryOp::kLt: return ir.CreateFCmpOLT(a, b);
    case BinaryOp::kLe: return ir.CreateFCmpOLE(a, b);
    case BinaryOp::kEq: return ir.CreateFCmpOEQ(a, b);
    case BinaryOp::kNe: return ir.CreateFCmpUNE(a, b);
    default: break;
  }
  TW_CHECK(false) << "operator not defined on floats";
  return nullptr;
}

llvm::Value* EmitIntegerBinary(EmitContext& ctx, const Expr& e, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = ctx.builder;
  const DType operand = e->operands[0]->dtype;
  const bool is_unsigned = IsUnsigned(operand);
  const auto less = [&] { return is_unsigned ? ir.CreateICmpULT(a, b) : ir.CreateICmpSLT(a, b); };
  switch (e->op) {
    case BinaryOp::kAdd: return ir.CreateAdd(a, b);
    case BinaryOp::kSub: return ir.CreateSub(a, b);
    case BinaryOp::kMul: return ir.CreateMul(a, b);
    case BinaryOp::kDiv:
    case BinaryOp::kMod: return EmitIntegerDivision(ctx, e, a, b);
    case BinaryOp::kMin: return ir.CreateSelect(less(), a, b);
    case BinaryOp::kMax: return ir.CreateSelect(less(), b, a);
    case BinaryOp::kLt: return less();
    case BinaryOp::kLe: return is_unsigned ? ir.CreateICmpULE(a, b) : ir.CreateICmpSLE(a, b);
    case BinaryOp::kEq: return ir.CreateICmpEQ(a, b);
    case BinaryOp::kNe: return ir.CreateICmpNE(a, b);
    case BinaryOp::kAnd: return ir.CreateAnd(a, b);
    case BinaryOp::kOr: return ir.CreateOr(a, b);
    case BinaryOp::kXor: return ir.CreateXor(a, b);
  }
  return nullptr;
}

// `no` evaluated only where the uniform condition is false: branches that meet in a phi.
llvm::Value* EmitBranches(EmitContext& ctx, llvm::Value* condition, const Expr& yes,
                          const Expr& no) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Function* function = ir.GetInsertBlock()->getParent();
  const auto block = [&](const char* name) {
    return llvm::BasicBlock::Create(ir.getContext(), name, function);
  };
  llvm::BasicBlock *yes_block = block("yes"), *no_block = block("no"), *end = block("end");
  ir.CreateCondBr(condition, yes_block, no_block);
  ir.SetInsertPoint(yes_block);
  llvm::Value* yes_value = EmitExpr(ctx, yes);
  yes_block = ir.GetInsertBlock();
  ir.SetInsertPoint(no_block);
  llvm::Value* no_value = EmitExpr(ctx, no);
  if (IsVector(yes_value)) no_value = Widen(ctx, no_value);
  no_block = ir.GetInsertBlock();
  ir.CreateBr(end);
  ir.SetInsertPoint(yes_block);
  if (IsVector(no_value)) yes_value = Widen(ctx, yes_value);
  ir.CreateBr(end);
  ir.SetInsertPoint(end);
  llvm::PHINode* phi = ir.CreatePHI(yes_value->getType(), 2);
  phi->addIncoming(yes_value, yes_block);
  phi->addIncoming(no_value, no_block);
  return phi;
}

// Both sides evaluated, each with the lanes it is wanted in.
llvm::Value* EmitBlend(EmitContext& ctx, llvm::Value* condition, const Expr& yes, const Expr& no) {
  llvm::Value* outer = ctx.mask;
  ctx.mask = AndMask(ctx, outer, condition);
  llvm::Value* yes_value = EmitExpr(ctx, yes);
  ctx.mask = AndMask(ctx, outer, ctx.builder.CreateNot(condition));
  llvm::Value* no_value = EmitExpr(ctx, no);
  ctx.mask = outer;
  return ctx.builder.CreateSelect(condition, Widen(ctx, yes_value), Widen(ctx, no_value));
}

llvm::Value* EmitChoice(EmitContext& ctx, const Expr& condition, const Expr& yes, const Expr& no) {
  llvm::Value* chosen = EmitExpr(ctx, condition);
  if (IsVector(chosen)) return EmitBlend(ctx, chosen, yes, no);
  if (const auto* known = llvm::dyn_cast<llvm::ConstantInt>(chosen)) {  // in an unrolled body
    return EmitExpr(ctx, known->isZero() ? no : yes);
  }
  if (!IsSpeculatable(ctx, yes) || !IsSpeculatable(ctx, no)) {
    return EmitBranches(ctx, chosen, yes, no);
  }
  llvm::Value* yes_value = EmitExpr(ctx, yes);
  llvm::Value* no_value = EmitExpr(ctx, no);
  MatchWidths(ctx, yes_value, no_value);
  return ctx.builder.CreateSelect(chosen, yes_value, no_value);
}

bool IsAddingDot(const Expr& e) {
  return e->kind == ExprKind::kCall && (e->name == "dot4" || e->name == "dot2_bf16");
}

// sum + dot(a, b), which CPUs have as one instruction.
llvm::Value* EmitSumWithDot(EmitContext& ctx, const Expr& sum, const Expr& dot) {
  llvm::Value* acc = EmitExpr(ctx, sum);
  llvm::Value* a = EmitExpr(ctx, dot->operands[0]);
  llvm::Value* b = EmitExpr(ctx, dot->operands[1]);
  MatchWidths(ctx, a, b);
  MatchWidths(ctx, acc, a);
  MatchWidths(ctx, a, b);
  return dot->name == "dot4" ? EmitDotOfBytes(ctx, acc, a, b) : EmitDotOfBFloat16(ctx, acc, a, b);
}

llvm::Value* EmitBinary(EmitContext& ctx, const Expr& e) {
  const Expr &left = e->operands[0], &right = e->operands[1];
  // A guard such as `i < n && x[i] > 0` protects what is on its right.
  if (e->dtype == DType::kBool && left->dtype == DType::kBool && !IsSpeculatable(ctx, right)) {
    if (e->op == BinaryOp::kAnd) return EmitChoice(ctx, left, right, Bool(false));
    if (e->op == BinaryOp::kOr) return EmitChoice(ctx, left, Bool(true), right);
  }
  if (e->op == BinaryOp::kAdd && IsAddingDot(right)) return EmitSumWithDot(ctx, left, right);
  if (llvm::Value* words = EmitByteWords(ctx, e)) return words;
  llvm::Value* a = EmitExpr(ctx, left);
  llvm::Value* b = EmitExpr(ctx, right);
  MatchWidths(ctx, a, b);
  if (!IsFloat(left->dtype)) return EmitIntegerBinary(ctx, e, a, b);
  llvm::Value* value = EmitFloatBinary(ctx, e->op, a, b);
  const bool rounds = IsNarrowFloat(e->dtype) && e->op <= BinaryOp::kDiv;  // min and max are exact
  return rounds ? RoundFloat(ctx, e->dtype, value) : value;
}

// `value` of dtype `from` as a register holds `to`, not yet rounded to a 16-bit float.
llvm::Value* Converted(EmitContext& ctx, llvm::Value* value, DType from, DType to) {
  llvm::IRBuilder<>& ir = ctx.builder;
  llvm::Type* type = value->getType()->getWithNewType(ValueType(ctx, to));
  const bool is_unsigned = IsUnsigned(from);
  if (to == DType::kBool) {
    llvm::Value* zero = llvm::Constant::getNullValue(value->getType());
    return IsFloat(from) ? ir.CreateFCmpUNE(value, zero) : ir.CreateICmpNE(value, zero);
  }
  if (IsFloat(from)) {
    return IsFloat(to) ? ir.CreateFPCast(value, type) : FloatToInteger(ctx, value, to, {});
  }
  if (!IsFloat(to)) return ir.CreateIntCast(value, type, !is_unsigned);
  return is_unsigned ? ir.CreateUIToFP(value, type) : ir.CreateSIToFP(value, type);
}

bool IsRounding(const Expr& e) { return e->kind == ExprKind::kCall && e->name == "round"; }

// How round(x) becomes an integer, and of what: where x is clipped to whole numbers that the
// integer holds, of what is clipped.
llvm::Value* EmitRounded(EmitContext& ctx, const Expr& x, DType to) {
  const std::optional<Clip> clip = ClipOf(x);
  const IntegerLimits type = LimitsOf(to);
  const bool fits = clip && clip->lowest == std::floor(clip->lowest) &&
                    clip->highest == std::floor(clip->highest) &&
                    clip->lowest >= static_cast<double>(type.lowest) &&
                    clip->highest <= static_cast<double>(type.highest);
  if (!fits) return FloatToInteger(ctx, EmitExpr(ctx, x), to, {.rounds = true});
  const IntegerConversion how{.rounds = true,
                              .lowest = clip->lowest,
                              .highest = clip->highest,
                              .small = LargestSize(clip->of) < 0x1p31};
  return FloatToInteger(ctx, EmitExpr(ctx, clip->of), to, how);
}

llvm::Value* EmitCast(EmitContext& ctx, const Expr& e) {
  const Expr& from = e->operands[0];
  if (IsRounding(from) && from->dtype == DType::kF32 && IsInteger(e->dtype)) {
    return EmitRounded(ctx, from->operands[0], e->dtype);
  }
  llvm::Value* value = Converted(ctx, EmitExpr(ctx, from), from->dtype, e->dtype);
  return IsNarrowFloat(e->dtype) ? RoundFloat(ctx, e->dtype, value) : value;
}

llvm::Value* EmitCallExpr(EmitContext& ctx, const Expr& e) {
  std::vector<llvm::Value*> operands;
  for (const Expr& operand : e->operands) operands.push_back(EmitExpr(ctx, operand));
  for (llvm::Value*& a : operands) {
    for (llvm::Value*& b : operands) MatchWidths(ctx, a, b);
  }
  return EmitCall(ctx, *e, operands);
}

}  // namespace

llvm::Value* EmitExpr(EmitContext& ctx, const Expr& e) {
  switch (e->kind) {
    case ExprKind::kInt:
      return llvm::ConstantInt::get(ValueType(ctx, e->dtype), static_cast<uint64_t>(e->ivalue),
                                    true);
    case ExprKind::kFloat: return llvm::ConstantFP::get(ValueType(ctx, e->dtype), e->fvalue);
    case ExprKind::kVar: return EmitVar(ctx, e);
    case ExprKind::kLoad: return EmitLoad(ctx, e);
    case ExprKind::kCall: return EmitCallExpr(ctx, e);
    case ExprKind::kBinary: return EmitBinary(ctx, e);
    case ExprKind::kSelect: return EmitChoice(ctx, e->operands[0], e->operands[1], e->operands[2]);
    case ExprKind::kCast: return EmitCast(ctx, e);
  }
  TW_CHECK(false) << "unknown expression kind";
  return nullptr;
}

bool IsSpeculatable(const EmitContext& ctx, const Expr& e) {
  bool safe = true;
  ForEachExpr(e, [&](const Expr& part) {
    if (part->kind != ExprKind::kLoad) return;
    safe = safe && IsInBounds(ctx, *part->buffer, part->operands);
  });
  return safe;
}

}  // namespace tilewright
