// Orders the multiply-adds of a register tile so that they need no more vector registers than
// there are. LLVM's own order keeps every loaded value that is used twice, and so spills
// accumulators, where loading the value again is free: FMAs take one operand from memory.
#pragma once

#include "llvm/IR/Function.h"

namespace tilewright {

struct VectorRegisters {
  int bits = 256;
  int count = 16;
};

// In every block that only reads memory before its last vector multiply-add: the chains
// acc + a1*b1 + a2*b2 + ... keep their order, but steps of different chains are interleaved (the
// first of each, the second of each, ...) and sorted so that a loaded operand's uses are
// neighbours. Greedy with a budget of registers; what does not fit is loaded again.
void ScheduleTiles(llvm::Function& function, const VectorRegisters& registers);

}  // namespace tilewright
