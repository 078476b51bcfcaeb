// Tile instructions of a warp as the PTX ISA describes them, from the registers' layouts of its
// figures: written apart from compiler/loop/tile.cc, so that each checks the other.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "runtime/device/emulator/kernel_interface.h"

namespace tilewright::runtime {

inline constexpr int kWarpLanes = 32;

// One instruction's operands, by lane.
using WarpTile = std::array<tw_tile, kWarpLanes>;

// mma.sync.m16n8k<depth>: sums are exact to a double's digits and rounded once; tf32 operands are
// rounded as cvt.rna.tf32.f32 does. REQUIRES: a type and a depth that PTX has.
void Multiply(const WarpTile& warp);

// 16 bytes at an address of shared memory, a multiple of 16, or null: what is wrong was noted.
using ReadShared = std::function<const char*(int64_t address)>;

// A warp's 16 rows of one step of wgmma.mma_async, 32 bytes of each row of both matrices: quarter 0
// to 3 of the warpgroup's 64 rows. False: a matrix could not be read. REQUIRES: descriptors of rows
// swizzled by 128 bytes.
bool MultiplyQuarter(const WarpTile& warp, int quarter, const ReadShared& read);
// Whether a matrix descriptor is of that kind.
bool IsSwizzledBy128(unsigned long long descriptor);

// ldmatrix of 8 rows of 16 bytes a matrix, row r of matrix i at lane 8 i + r's place. REQUIRES:
// rows inside their memory.
void LoadMatrices(const WarpTile& warp);

}  // namespace tilewright::runtime
