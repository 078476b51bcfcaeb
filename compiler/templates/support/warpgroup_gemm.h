// The schedule of matrix products for Hopper's warpgroups (wgmma, TMA): d [m,n] = left [m,k] *
// right [n,k], or right [k,n] of 16-bit types. Slots of shared memory hold stages of k, 128 bytes
// of each row; the block's last warp fills them by loads of boxes, its warpgroups multiply what has
// landed, each its own rows of d:
//
//   blocks: tile of d
//     sums = 0
//     pipeline over the stages of k, or the block's part of them:
//       boxes of left and right  |  for the tiles of 64 rows of a warpgroup: wgmma
//     store, with the epilogue; where k is split, sums alone, which another kernel adds or the
//       last of the tile's blocks, which then stores, or which are added to the output
//
// Producer and consumers are CUTLASS's sm90 "warp-specialised" main loop.
#pragma once

#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

struct WarpgroupSchedule {
  int64_t groups = 1;     // warpgroups of a block, along m
  int64_t row_tiles = 1;  // of kGroupRows rows, of a warpgroup
  int64_t columns = 128;  // of a block, along n: those of its multiplications
  int64_t slots = 4;
  int64_t raster = 1;       // blocks that follow each other along m before they go on along n
  int64_t split_k = 1;      // parts of k, each summed by blocks of its own
  bool last_block = false;  // adds the parts of a tile, in order; else it is not done here

  int64_t rows() const { return groups * row_tiles * kGroupRows; }
  int64_t users() const { return groups * kGroupThreads; }  // threads that multiply
};

// Elements of k in a stage.
int64_t StageDepth(DType type);
// Tiles of so many columns along n.
int64_t ColumnTiles(const TensorCoreGemm& gemm, int64_t columns);
// Stages that a block multiplies.
int64_t StagesOf(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule);

// What a schedule needs, before anything is built: fetched_words and copies are 0.
TensorCoreNeeds NeedsOf(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule);

// REQUIRES: `multiply` has the schedule's columns and is transposed where right's rows are the
// depth; raster divides the tiles along m; left and right are contiguous, their elements at
// consecutive rows and columns along their sources' last two dimensions, or a tile's rows of right
// a box, and the sources' rows have a multiple of 16 bytes. Past the depth of the gemm (in a split
// into unequal parts) `at` of both leads outside.
Program LowerWarpgroups(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule,
                        const TileOp& multiply);

}  // namespace tilewright
