// Transposes of register tiles by shuffles of two vectors.
#pragma once

#include <vector>

#include "llvm/IR/IRBuilder.h"

namespace tilewright {

// Column `column` of a square tile, whose row i is rows[i]. Each column alone takes rows - 1
// shuffles, all of them together rows * log2(rows), because equal ones are shared once common
// subexpressions are eliminated: 24 for 8x8. Rows first meet inside of 16 bytes, where x86 and ARM
// interleave by one instruction, then in whole groups of 16 bytes, which they permute by one.
// REQUIRES: as many rows as elements a row, a power of two.
llvm::Value* EmitColumn(llvm::IRBuilder<>& builder, const std::vector<llvm::Value*>& rows,
                        unsigned column);

}  // namespace tilewright
