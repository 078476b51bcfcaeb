// Stores of neighbouring bytes as one.
#pragma once

#include "llvm/IR/Function.h"

namespace tilewright {

// Where a block of `function` stores 16 numbers, clipped to a byte's range, to each of four
// neighbouring places, one store of 64 bytes: four instructions that saturate and join take the
// place of four that clip and four, of two operations each on x86, that narrow. What is stored is
// the same. REQUIRES: the target has AVX512BW.
void PackStores(llvm::Function& function);

}  // namespace tilewright
