// Row-major element offsets as linear forms: constant + sum of coefficient * term + lane part.
// Keeping the constant apart gives neighbouring accesses one common address register; ordering
// the terms by loop depth lets partial sums be hoisted out of the inner loops.
#pragma once

#include <vector>

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

struct FlatIndex {
  struct Term {
    Expr expr;  // a loop variable or what is not linear
    int64_t coefficient;
    int depth;  // of the innermost loop it depends on
  };
  int64_t constant = 0;
  std::vector<Term> terms;       // outermost loops first; free of the lane variable if linear
  int64_t lane_coefficient = 0;  // elements from lane to lane
  bool linear = true;            // false: a term depends on the lane in another way
};

// REQUIRES: one index per dimension of the buffer.
FlatIndex Flatten(const EmitContext& ctx, const BufferNode& buffer,
                  const std::vector<Expr>& indices);

// A power of two that divides every element offset of lane 0.
int64_t OffsetGranule(const EmitContext& ctx, const FlatIndex& index);

// Address of lane 0; of every lane (a vector of pointers) when the index is not linear.
llvm::Value* EmitAddress(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index);

// True when every index is provably inside the buffer's shape.
bool IsInBounds(const EmitContext& ctx, const BufferNode& buffer, const std::vector<Expr>& indices);

}  // namespace tilewright
