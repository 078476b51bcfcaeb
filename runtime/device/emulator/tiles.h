// Tile instructions of a warp as the PTX ISA describes them, from the registers' layouts of its
// figures: written apart from compiler/loop/tile.cc, so that each checks the other.
#pragma once

#include <array>

#include "runtime/device/emulator/kernel_interface.h"

namespace tilewright::runtime {

inline constexpr int kWarpLanes = 32;

// One instruction's operands, by lane.
using WarpTile = std::array<tw_tile, kWarpLanes>;

// mma.sync.m16n8k<depth>: sums are exact to a double's digits and rounded once; tf32 operands are
// rounded as cvt.rna.tf32.f32 does. REQUIRES: a type and a depth that PTX has.
void Multiply(const WarpTile& warp);

// ldmatrix of 8 rows of 16 bytes a matrix, row r of matrix i at lane 8 i + r's place. REQUIRES:
// rows inside their memory.
void LoadMatrices(const WarpTile& warp);

}  // namespace tilewright::runtime
