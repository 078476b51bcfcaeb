// How a block copies a stage of a matrix to shared memory. Used only by tensor_core_gemm.cc.
#pragma once

#include <cstdint>

#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

struct TensorCoreStage {
  const StagedMatrix* matrix = nullptr;
  int64_t rows = 1, columns = 1;  // of a stage
  Buffer shared;                  // [parts, rows, padded columns]
  Buffer next;                    // a thread's part in registers: [copies, vector]
  Expr first_row = Int(0), first_column = Int(0);
  Expr first_stage = Int(0);       // of the block's part of the depth
  bool columns_are_depth = false;  // stages go along columns, else along rows
  Expr batch, thread;
  int64_t threads = 1, depth = 1, vector = 1;
  int64_t piece = 8;     // elements of 16 bytes
  bool swizzle = false;  // pieces change places

  // The element of shared memory that holds one of the stage. Swizzled, the pieces of a row change
  // places by exclusive or with the number of its line of 128 bytes, so that eight neighbouring
  // rows have theirs of one column in different banks. REQUIRES: `lane` stays in the piece.
  std::vector<Expr> Place(const Expr& part, const Expr& row, const Expr& column,
                          const Expr& lane) const;

  int64_t copies() const { return (rows * columns / vector + threads - 1) / threads; }
};

// All threads copy stage number `stage` of the matrix to a part of shared memory.
Stmt CopyStage(const TensorCoreStage& to, const Expr& stage, const Expr& part, bool async);
// The same in two: from the matrix to registers, from there to shared memory.
Stmt FetchStage(const TensorCoreStage& to, const Expr& stage);
Stmt PutStage(const TensorCoreStage& to, const Expr& part);

}  // namespace tilewright
