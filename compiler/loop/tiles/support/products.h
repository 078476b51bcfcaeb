// What multiplications of warps and of warpgroups share: the registers of their sums, sums of
// products, and both once more for the emulator.
#pragma once

#include <string>

#include "compiler/loop/tile.h"

namespace tilewright {

// Sums of a thread, four for each eight columns: a warp has 16 rows, the warps of a group one after
// the other (PTX ISA 9.0, 9.7.14 and 9.7.15, the figures of accumulators).
MatrixPlace PlaceOfSum(const TileOperand& sums, int64_t thread, int64_t element);

// d += a * b, b(k, column). As exact as a double and then rounded once: the hardware's order is not
// specified.
template <typename Right>
void AddProducts(TileMatrix& d, const TileMatrix& a, const Right& b) {
  for (int64_t row = 0; row < d.rows; ++row) {
    for (int64_t column = 0; column < d.columns; ++column) {
      double& sum = d.At(row, column);
      for (int64_t k = 0; k < a.columns; ++k) sum += a.At(row, k) * b(k, column);
    }
  }
}

// In the emulator: a warp adds the products of a[row][k] and b[column][k] to `count` sums a lane,
// the first operands of `lanes`.
std::string EmulatedSums(DType type, int64_t count, int64_t depth);

}  // namespace tilewright
