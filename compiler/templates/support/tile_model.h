// The analytic model behind the templates' defaults: which register tile feeds the FMA units.
//
// A tile of r x c accumulators does r*c multiply-adds per r weight loads and c broadcasts. Two FMA
// units of latency 4 need at least 8 independent accumulators; every core we target loads two
// vectors a cycle, so loads bind when (r + c) / (r * c) > 1. Measured on two AVX-512 cores, tiles
// of 24 to 28 accumulators in 2 or 4 rows reach 92 to 104 % of the nominal peak.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/core/target.h"

namespace tilewright {

struct TileChoice {
  int64_t rows = 1, columns = 1;
};

// Accumulators a tile of a search space may have: operands may come from memory.
inline int64_t MaxAccumulators(int registers) { return registers - 4; }

// True when a default may have the tile: the space admits it, and the accumulators, a column of
// weights and one broadcast fit.
inline bool FitsRegisters(int64_t rows, int64_t columns, int registers) {
  return rows * columns <= MaxAccumulators(registers) && rows * columns + rows + 1 <= registers;
}

// Rows that a default's tile may have of `blocks`: divisors up to 4, or up to 8 where none but 1
// is.
std::vector<int64_t> TileRows(int64_t blocks);

// A side of an iteration space, and what a tile may have of it.
struct TiledSide {
  int64_t extent = 1;
  std::vector<int64_t> candidates;
};
// The best (rows, columns) of the candidates that fits the registers, where each column's element
// is broadcast as the target's instructions do it. REQUIRES: candidates hold 1.
TileChoice ChooseTile(const TiledSide& rows, const TiledSide& columns, int registers,
                      const Target& target);

// Vector multiply-adds that take as long as `work` of them beside reading `bytes` of weights from
// memory, where half of the shorter hides behind the longer. In the time of one multiply-add of the
// widest vectors memory was measured to deliver 4 to 8 bytes, with AVX-512 (16 lanes) and with AVX2
// (8 lanes) alike.
double MemoryBoundCost(double work, double bytes);

// Those of 1..28 (multiples thinned out above 10) that are at most `extent`: tile widths worth
// trying along a pixel or row dimension.
std::vector<int64_t> TileWidths(int64_t extent);

}  // namespace tilewright
