#include "compiler/templates/support/tile_model.h"

#include <algorithm>

#include "compiler/templates/support/space.h"

namespace tilewright {
namespace {

// FMA latency 4 x 2 units.
constexpr double kNeededAccumulators = 8;
// Loop control, address updates and the store of a tile, in multiply-add slots.
constexpr double kTileOverhead = 1.5;

double CyclesOfTile(int64_t rows, int64_t columns, double broadcast) {
  const double fma = static_cast<double>(rows * columns) + broadcast * static_cast<double>(columns);
  const double loads = static_cast<double>(rows + columns);
  return std::max({fma, loads, kNeededAccumulators}) + kTileOverhead;
}

// Multiply-adds that broadcasting one element takes from the units that compute: none where a load
// or the multiplication does it. SSE shuffles, on one of four pipes of which a product and its sum
// take two (measured: tiles of 4 x 2 are 1.1 times as fast as 2 x 6).
double BroadcastCost(const Target& target) {
  const CpuTraits traits = TraitsOf(target);  // of this machine's architecture without a triple
  const bool x86 = target.mtriple.empty() || target.mtriple.starts_with("x86_64");
  return x86 && traits.vector_bits == 128 && traits.vector_registers == 16 ? 0.5 : 0;
}

}  // namespace

std::vector<int64_t> TileRows(int64_t blocks) {
  const std::vector<int64_t> few = Divisors(blocks, 4);
  return few.size() > 1 ? few : Divisors(blocks, 8);
}

TileChoice ChooseTile(const TiledSide& row_side, const TiledSide& column_side, int registers,
                      const Target& target) {
  const double broadcast = BroadcastCost(target);
  if (broadcast > 0) --registers;  // two-operand instructions: for the product
  TileChoice best;
  double best_cycles = -1;
  for (int64_t rows : row_side.candidates) {
    for (int64_t columns : column_side.candidates) {
      if (rows > row_side.extent || columns > column_side.extent) continue;
      if (!FitsRegisters(rows, columns, registers)) continue;
      const int64_t full = column_side.extent / columns, tail = column_side.extent % columns;
      double cycles = static_cast<double>(full) * CyclesOfTile(rows, columns, broadcast);
      if (tail > 0) cycles += CyclesOfTile(rows, tail, broadcast);
      cycles *= static_cast<double>((row_side.extent + rows - 1) / rows);
      if (best_cycles < 0 || cycles < best_cycles) {
        best_cycles = cycles;
        best = {rows, columns};
      }
    }
  }
  return best;
}

double MemoryBoundCost(double work, double bytes) {
  constexpr double kBytesPerMultiplyAdd = 4;
  const double memory = bytes / kBytesPerMultiplyAdd;
  return std::max(work, memory) + 0.5 * std::min(work, memory);
}

std::vector<int64_t> TileWidths(int64_t extent) {
  std::vector<int64_t> widths;
  for (int64_t width : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 16, 20, 24, 28}) {
    if (width <= extent) widths.push_back(width);
  }
  return widths;
}

}  // namespace tilewright
