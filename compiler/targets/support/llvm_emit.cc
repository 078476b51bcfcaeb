#include "compiler/targets/support/llvm_emit.h"

#include <algorithm>
#include <functional>
#include <string>

#include "base/check.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/visit.h"
#include "compiler/targets/support/emit_context.h"
#include "compiler/targets/support/emit_memory.h"
#include "llvm/IR/Function.h"

namespace tilewright {
namespace {

constexpr int kAlignment = 64;     // of arguments and scratch
constexpr int64_t kMaxLanes = 64;  // wider vector loops run in pieces of one register

// Lanes are emitted together only if no lane needs the memory or the loop of another.
bool CanEmitLanes(const Stmt& body, const Expr& var) {
  bool can = true;
  ForEachStmt(body, [&](const Stmt& s) {
    if (s->kind == StmtKind::kFor || s->kind == StmtKind::kAlloc) can = false;
    if (s->kind != StmtKind::kStore) return;
    can = can && std::any_of(s->indices.begin(), s->indices.end(),
                             [&](const Expr& index) { return UsesVar(index, var); });
  });
  return can;
}

bool UsesRegisters(const Stmt& body) {
  bool uses = false;
  ForEachStmt(body, [&](const Stmt& s) {
    uses = uses || (s->kind == StmtKind::kStore && s->buffer->scope == Scope::kRegister);
  });
  ForEachExpr(body, [&](const Expr& e) {
    uses = uses || (e->kind == ExprKind::kLoad && e->buffer->scope == Scope::kRegister);
  });
  return uses;
}

int64_t PowerOfTwoDivisor(int64_t value) {
  constexpr int64_t kMost = int64_t{1} << 20;
  return value == 0 ? kMost : std::min(value & -value, kMost);
}

class KernelEmitter {
 public:
  KernelEmitter(const Program& program, const EmitOptions& options, llvm::Function* function)
      : options_(options), function_(function), ctx_(function->getContext()) {
    ctx_.fast_math = options.optimize == Optimize::kFull;
    ctx_.masked_memory = options.masked_memory;
    ctx_.converts_float16 = options.converts_float16;
    ctx_.pair_bits = options.pair_bits;
    ctx_.quad_bits = options.quad_bits;
    ctx_.float_pair_bits = options.float_pair_bits;
    llvm::FastMathFlags flags;
    // What is rounded to integers must come out the same however it is scheduled.
    flags.setAllowContract(ctx_.fast_math && IsFloat(program.params.back()->dtype));
    ctx_.builder.setFastMathFlags(flags);
    for (size_t i = 0; i < program.params.size(); ++i) {
      ctx_.buffers[program.params[i].get()] = function->getArg(i);
    }
  }

  void Emit(const Program& program) {
    entry_ = NewBlock("entry");
    llvm::BasicBlock* body = NewBlock("body");
    llvm::BasicBlock* exit = NewBlock("exit");
    llvm::Value* begin = function_->getArg(program.params.size());
    llvm::Value* end = function_->getArg(program.params.size() + 1);
    builder().SetInsertPoint(entry_);
    ctx_.nowhere = builder().CreateAlloca(builder().getInt64Ty());
    builder().CreateCondBr(builder().CreateICmpSLT(begin, end), body, exit);
    builder().SetInsertPoint(body);
    EmitBody(program.body, begin, end);
    builder().CreateBr(exit);
    builder().SetInsertPoint(exit);
    builder().CreateRetVoid();
  }

 private:
  llvm::IRBuilder<>& builder() { return ctx_.builder; }
  llvm::BasicBlock* NewBlock(const char* name) {
    return llvm::BasicBlock::Create(function_->getContext(), name, function_);
  }

  // Only the iterations [begin, end) of a parallel loop, of which there is at least one.
  void EmitBody(const Stmt& s, llvm::Value* begin, llvm::Value* end) {
    if (s->kind != StmtKind::kFor || s->loop != LoopKind::kParallel) return EmitStmt(s);
    const RangeScope range(*this, s);
    llvm::Value* min = EmitExpr(ctx_, s->min);
    llvm::Value* last = builder().CreateNSWAdd(min, end);
    EmitCountedLoop({s->var, builder().CreateNSWAdd(min, begin), last},
                    [&] { EmitStmt(s->body[0]); });
  }

  void EmitStmt(const Stmt& s) {
    switch (s->kind) {
      case StmtKind::kFor: return EmitFor(s);
      case StmtKind::kStore:
        return EmitStore(ctx_, *s->buffer, s->indices, EmitExpr(ctx_, s->value));
      case StmtKind::kIf: return EmitIf(s);
      case StmtKind::kSeq:
        for (const Stmt& part : s->body) EmitStmt(part);
        return;
      case StmtKind::kAlloc: return EmitAlloc(s);
      case StmtKind::kPrefetch: return EmitPrefetch(*s);
      case StmtKind::kAsyncCommit:
      case StmtKind::kAsyncWait: return;  // stores have landed at once
      case StmtKind::kAtomicAdd:
      case StmtKind::kBarrier:
      case StmtKind::kPipeline:
      case StmtKind::kLastBlock:
      case StmtKind::kTile: TW_CHECK(false) << "what threads do together, for a CPU"; return;
    }
  }

  // What is known of a loop's variable while its body is emitted.
  class RangeScope {
   public:
    RangeScope(KernelEmitter& emitter, const Stmt& loop)
        : ranges_(emitter.ctx_.ranges), var_(loop->var.get()) {
      const std::optional<Range> min = BoundsOf(loop->min, ranges_);
      const std::optional<Range> extent = BoundsOf(loop->extent, ranges_);
      if (min && extent) ranges_[var_] = {min->lo, min->hi + std::max<int64_t>(extent->hi, 1) - 1};
    }
    ~RangeScope() { ranges_.erase(var_); }

   private:
    Ranges& ranges_;
    const ExprNode* var_;
  };

  void EmitFor(const Stmt& s) {
    const int64_t* extent = AsInt(s->extent);
    if (extent != nullptr && *extent <= 0) return;
    const RangeScope range(*this, s);
    if (s->loop == LoopKind::kVectorized && *extent > 1 && CanEmitLanes(s->body[0], s->var)) {
      return EmitVectorLoop(s, *extent);
    }
    llvm::Value* min = EmitExpr(ctx_, s->min);
    llvm::Value* end = builder().CreateNSWAdd(min, EmitExpr(ctx_, s->extent));
    const auto loop = [&] { EmitCountedLoop({s->var, min, end}, [&] { EmitStmt(s->body[0]); }); };
    if (extent != nullptr) return loop();
    EmitGuarded(builder().CreateICmpSLT(min, end), loop);
  }

  void EmitGuarded(llvm::Value* condition, const std::function<void()>& emit) {
    llvm::BasicBlock *yes = NewBlock("then"), *after = NewBlock("after");
    builder().CreateCondBr(condition, yes, after);
    builder().SetInsertPoint(yes);
    emit();
    builder().CreateBr(after);
    builder().SetInsertPoint(after);
  }

  // for (var = first; var < end; var += step), known to run at least once.
  struct CountedLoop {
    Expr var;
    llvm::Value *first, *end;
    int64_t step = 1;
  };

  void EmitCountedLoop(const CountedLoop& counted, const std::function<void()>& body) {
    const Expr& var = counted.var;
    llvm::BasicBlock* before = builder().GetInsertBlock();
    llvm::BasicBlock *loop = NewBlock("loop"), *after = NewBlock("after");
    builder().CreateBr(loop);
    builder().SetInsertPoint(loop);
    llvm::PHINode* value = builder().CreatePHI(builder().getInt64Ty(), 2, var->name);
    ctx_.vars[var.get()] = {value, ++ctx_.depth};
    body();
    llvm::Value* next = builder().CreateNSWAdd(value, builder().getInt64(counted.step));
    value->addIncoming(counted.first, before);
    value->addIncoming(next, builder().GetInsertBlock());
    builder().CreateCondBr(builder().CreateICmpSLT(next, counted.end), loop, after);
    builder().SetInsertPoint(after);
    ctx_.vars.erase(var.get());
    --ctx_.depth;
  }

  // All lanes at once; a long loop in register-wide pieces and a remainder.
  void EmitVectorLoop(const Stmt& s, int64_t extent) {
    llvm::Value* min = EmitExpr(ctx_, s->min);
    const int64_t granule = AsInt(s->min) != nullptr ? PowerOfTwoDivisor(*AsInt(s->min)) : 1;
    if (extent <= kMaxLanes || UsesRegisters(s->body[0])) {
      return EmitLanes(s, min, extent, granule);
    }
    const int64_t width = options_.vector_bits / 32;
    const int64_t whole = extent / width * width;
    const int64_t piece_granule = std::min(granule, PowerOfTwoDivisor(width));
    const Expr piece = Var(s->var->name);
    EmitCountedLoop({piece, min, builder().CreateNSWAdd(min, builder().getInt64(whole)), width},
                    [&] { EmitLanes(s, ctx_.vars.at(piece.get()).value, width, piece_granule); });
    if (whole == extent) return;
    llvm::Value* rest = builder().CreateNSWAdd(min, builder().getInt64(whole));
    EmitLanes(s, rest, extent - whole, std::min(piece_granule, PowerOfTwoDivisor(whole)));
  }

  void EmitLanes(const Stmt& s, llvm::Value* first, int64_t count, int64_t granule) {
    ctx_.lanes = {s->var, first, static_cast<unsigned>(count), granule};
    EmitStmt(s->body[0]);
    ctx_.lanes = {};
  }

  void EmitIf(const Stmt& s) {
    llvm::Value* condition = EmitExpr(ctx_, s->condition);
    if (IsVector(condition)) return EmitMaskedIf(s, condition);
    llvm::BasicBlock *yes = NewBlock("then"), *after = NewBlock("after");
    llvm::BasicBlock* no = s->body.size() > 1 ? NewBlock("else") : after;
    builder().CreateCondBr(condition, yes, no);
    builder().SetInsertPoint(yes);
    EmitStmt(s->body[0]);
    builder().CreateBr(after);
    if (s->body.size() > 1) {
      builder().SetInsertPoint(no);
      EmitStmt(s->body[1]);
      builder().CreateBr(after);
    }
    builder().SetInsertPoint(after);
  }

  void EmitMaskedIf(const Stmt& s, llvm::Value* condition) {
    llvm::Value* outer = ctx_.mask;
    ctx_.mask = AndMask(ctx_, outer, condition);
    EmitStmt(s->body[0]);
    if (s->body.size() > 1) {
      ctx_.mask = AndMask(ctx_, outer, builder().CreateNot(condition));
      EmitStmt(s->body[1]);
    }
    ctx_.mask = outer;
  }

  // Scratch is allocated once, in the entry block, where LLVM's promotion to registers finds it.
  void EmitAlloc(const Stmt& s) {
    llvm::IRBuilder<> entry(entry_, entry_->begin());
    llvm::Type* type =
        llvm::ArrayType::get(MemoryType(ctx_, s->buffer->dtype), NumElements(s->buffer->shape));
    llvm::AllocaInst* memory = entry.CreateAlloca(type, nullptr, s->buffer->name);
    memory->setAlignment(llvm::Align(kAlignment));
    ctx_.buffers[s->buffer.get()] = memory;
    EmitStmt(s->body[0]);
    ctx_.buffers.erase(s->buffer.get());
  }

  // Into the second cache: the first is small and belongs to what is used now.
  void EmitPrefetch(const StmtNode& s) {
    constexpr int kRead = 0, kSecondCache = 2, kData = 1;
    llvm::Value* base = ctx_.buffers.at(s.buffer.get());
    llvm::Value* at =
        builder().CreateGEP(MemoryType(ctx_, s.buffer->dtype), base, EmitExpr(ctx_, s.value));
    builder().CreateIntrinsic(llvm::Intrinsic::prefetch, {at->getType()},
                              {at, builder().getInt32(kRead), builder().getInt32(kSecondCache),
                               builder().getInt32(kData)});
  }

  const EmitOptions& options_;
  llvm::Function* function_;
  llvm::BasicBlock* entry_ = nullptr;
  EmitContext ctx_;
};

llvm::Function* DeclareLoops(const Program& program, llvm::Module& module) {
  llvm::LLVMContext& context = module.getContext();
  std::vector<llvm::Type*> types(program.params.size(), llvm::PointerType::get(context, 0));
  types.resize(types.size() + 2, llvm::Type::getInt64Ty(context));
  auto* function =
      llvm::Function::Create(llvm::FunctionType::get(llvm::Type::getVoidTy(context), types, false),
                             llvm::Function::InternalLinkage, program.name + ".loops", module);
  for (size_t i = 0; i < program.params.size(); ++i) {
    const Buffer& buffer = program.params[i];
    const int64_t bytes = NumElements(buffer->shape) * static_cast<int64_t>(SizeOf(buffer->dtype));
    llvm::AttrBuilder attributes(context);
    attributes.addAttribute(llvm::Attribute::NoAlias).addAttribute(llvm::Attribute::NoCapture);
    attributes.addAlignmentAttr(kAlignment).addDereferenceableAttr(bytes);
    if (i + 1 < program.params.size()) attributes.addAttribute(llvm::Attribute::ReadOnly);
    function->addParamAttrs(i, attributes);
  }
  function->addFnAttr(llvm::Attribute::NoInline);
  return function;
}

// void name(void* const* args, int64_t begin, int64_t end)
llvm::Function* EmitEntry(const Program& program, llvm::Function* loops, llvm::Module& module) {
  llvm::LLVMContext& context = module.getContext();
  llvm::IRBuilder<> b(context);
  auto* function = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty()}, false),
      llvm::Function::ExternalLinkage, program.name, module);
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  std::vector<llvm::Value*> arguments;
  for (size_t i = 0; i < program.params.size(); ++i) {
    llvm::Value* slot = b.CreateConstGEP1_64(b.getPtrTy(), function->getArg(0), i);
    arguments.push_back(b.CreateLoad(b.getPtrTy(), slot));
  }
  arguments.push_back(function->getArg(1));
  arguments.push_back(function->getArg(2));
  b.CreateCall(loops, arguments)->setTailCallKind(llvm::CallInst::TCK_Tail);
  b.CreateRetVoid();
  return function;
}

}  // namespace

void EmitProgram(const Program& program, const EmitOptions& options, llvm::Module& module) {
  llvm::Function* loops = DeclareLoops(program, module);
  KernelEmitter(program, options, loops).Emit(program);
  for (llvm::Function* function : {loops, EmitEntry(program, loops, module)}) {
    function->addFnAttr(llvm::Attribute::NoUnwind);
    function->addFnAttr("prefer-vector-width", std::to_string(options.vector_bits));
  }
}

bool HasVectorLoops(const Program& program) {
  bool found = false;
  ForEachStmt(program.body, [&](const Stmt& s) {
    found = found || (s->kind == StmtKind::kFor && s->loop == LoopKind::kVectorized);
  });
  return found;
}

}  // namespace tilewright
