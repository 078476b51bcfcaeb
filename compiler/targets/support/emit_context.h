// What the emitters of one kernel share: the insertion point, what variables and buffers are in
// LLVM, and the lanes of the vectorised loop being emitted. Lives for one function; one thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "compiler/loop/simplify.h"
#include "compiler/loop/stmt.h"
#include "llvm/IR/IRBuilder.h"

namespace tilewright {

// The vectorised loop being emitted: its variable takes first, first + 1, ... in `count` lanes.
struct LaneLoop {
  Expr var;  // null outside of one
  llvm::Value* first = nullptr;
  unsigned count = 1;
  int64_t granule = 1;  // a power of two that divides `first`
};

struct LoopVar {
  llvm::Value* value = nullptr;
  int depth = 0;  // 1 for the outermost loop
};

// Expressions are emitted as scalars where they are the same in every lane ("uniform") and as
// <count x T> otherwise. Booleans are i1 in registers and one byte in memory; 16-bit floats are
// float32 in registers (narrow_floats.h).
struct EmitContext {
  llvm::IRBuilder<> builder;
  bool fast_math = false;         // vector polynomials for exp, log, tanh, erf in float32
  bool masked_memory = false;     // contiguous loads and stores may be masked at no cost
  bool converts_float16 = false;  // the CPU converts between float16 and float32
  int pair_bits = 0;              // as EmitOptions
  int quad_bits = 0;              // as EmitOptions
  int float_pair_bits = 0;        // as EmitOptions
  std::unordered_map<const ExprNode*, LoopVar> vars;
  std::unordered_map<const BufferNode*, llvm::Value*> buffers;
  Ranges ranges;
  int depth = 0;
  LaneLoop lanes;
  llvm::Value* mask = nullptr;     // <count x i1>: lanes that are active; null = all
  llvm::Value* nowhere = nullptr;  // eight bytes that lanes which are off may read and write

  explicit EmitContext(llvm::LLVMContext& context) : builder(context) {}
};

llvm::Type* ValueType(EmitContext& ctx, DType dtype);   // in a register
llvm::Type* MemoryType(EmitContext& ctx, DType dtype);  // in memory
inline bool IsVector(const llvm::Value* value) { return value->getType()->isVectorTy(); }

// The value in every lane of the current loop; vectors are returned as they are.
llvm::Value* Widen(EmitContext& ctx, llvm::Value* value);
// Widens the narrower of two.
void MatchWidths(EmitContext& ctx, llvm::Value*& a, llvm::Value*& b);
// `mask` and `condition`, where a null mask is all lanes.
llvm::Value* AndMask(EmitContext& ctx, llvm::Value* mask, llvm::Value* condition);

// The expression's value at the insertion point. REQUIRES: its variables and buffers are known.
llvm::Value* EmitExpr(EmitContext& ctx, const Expr& e);

// True when evaluating `e` where its value is not wanted is harmless: no load that may be out of
// bounds.
bool IsSpeculatable(const EmitContext& ctx, const Expr& e);

}  // namespace tilewright
