// The GPU schedule of matrix products on tensor cores: d [m,n] = left [m,k] * right [k,n], for each
// of a batch. A block computes a tile of d, each of its warps a part of that in registers; left and
// right pass through shared memory, zeros where they end:
//
//   blocks: tile of d
//     sums = 0
//     for the stages of k, or the block's part of them:
//       barrier; all threads copy a stage of left and right; barrier
//       for the steps of a stage: ldmatrix of both; for the tiles of a warp: mma
//     store, with the epilogue; where k is split, sums alone, which another kernel adds or the
//       last of the tile's blocks, which then stores, or which are added to the output
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "compiler/core/launch.h"
#include "compiler/loop/compute.h"
#include "compiler/loop/tile.h"

namespace tilewright {

// Left or right as it is staged.
struct StagedMatrix {
  Buffer source;
  int64_t rows = 1, columns = 1;
  // The source's indices of an element.
  std::function<std::vector<Expr>(const Expr& batch, const Expr& row, const Expr& column)> at;
  // Whether an element is there; it is zero elsewhere. Null: all are.
  std::function<Expr(const Expr& row, const Expr& column)> inside;
  // Columns lie side by side, rows at multiples of their number from the start, none is outside.
  bool contiguous = true;
  // Where a tile's rows are a box of several dimensions: its extents along the source's, but for
  // the last. Empty: they are along the last but one.
  std::vector<int64_t> box;
};

struct TensorCoreGemm {
  Compute compute;             // its name, output and result
  std::vector<Buffer> inputs;  // the task's, those of left and right perhaps of other shapes
  int64_t batch = 1, m = 1, n = 1, k = 1;
  StagedMatrix left;                  // rows m, columns k
  StagedMatrix right;                 // rows n, columns k
  bool right_rows_are_depth = false;  // or rows k, columns n; of 16-bit types
  // Where n is in the order of tiles of pixels (pixel_tiles.h): images, rows and columns, and
  // whether an n is a pixel (null: each is).
  std::optional<std::array<int64_t, 3>> pixels;
  std::function<Expr(const Expr& n)> inside;
  // Results are sums that are added to the output atomically.
  bool atomic = false;
  // The compute's axes at an element of d.
  std::function<std::vector<Expr>(const Expr& batch, const Expr& m, const Expr& n)> axes;
};

struct TensorCoreSchedule {
  int64_t row_warps = 1, column_warps = 1;  // of a block, along m and n
  // A warp's tile: multiples of kTileRows and kTileColumns.
  int64_t warp_rows = 16, warp_columns = 16;
  int64_t depth = 16;          // of k in a stage: a multiple of the multiplication's
  int64_t padding = 0;         // bytes after each staged row: a multiple of 16
  bool swizzle = false;        // or pieces of 16 bytes of staged rows exchange places, by the row
  int64_t split_k = 1;         // parts of k, each summed by blocks of its own
  bool last_block = false;     // adds the parts of a tile, in order; else it is not done here
  int64_t vector = 1;          // elements that are copied at once, where that is possible
  bool double_buffer = false;  // a stage is fetched into registers while the one before is used
  int64_t async_stages = 0;    // or so many are in shared memory, copied asynchronously; 0 or >= 2
  bool direct_store = true;    // else sums go through shared memory to be stored by rows
  int64_t sums_padding = 0;    // elements after each row of sums there

  int64_t rows() const { return row_warps * warp_rows; }
  int64_t columns() const { return column_warps * warp_columns; }
  int64_t threads() const { return row_warps * column_warps * kWarpThreads; }
  // Stages that shared memory holds.
  int64_t parts() const { return double_buffer ? 2 : std::max<int64_t>(1, async_stages); }
};

// What a schedule needs, before anything is built.
struct TensorCoreNeeds {
  Launch launch;
  int64_t registers = 0;      // of a thread, estimated
  int64_t copies = 0;         // of a thread in a stage, of both matrices
  int64_t fetched_words = 0;  // of a thread, in registers
};
TensorCoreNeeds NeedsOf(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                        const TileOp& multiply);

// Elements of the matrix that are copied at once.
int64_t VectorOf(const StagedMatrix& matrix, const TensorCoreSchedule& schedule);

// REQUIRES: the schedule's multiples hold, its vector is a power of two. Blocks' batches are parts
// of k by batches; gemm.axes is given that, or the batch where the last block adds the parts. Then
// the parts and counters, which are 0, are written before the output (split_depth.h).
Program LowerTensorCore(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                        const TileOp& multiply);

// Does it where m and n are inside d.
Stmt IfInside(const TensorCoreGemm& gemm, const Expr& m, const Expr& n, Stmt body);

// An element of d.
struct GemmPlace {
  Expr batch, m, n;
};
// Stores the result of a sum there, or adds the sum, where that is inside.
Stmt StoreResult(const TensorCoreGemm& gemm, const GemmPlace& at, const Expr& sum);

}  // namespace tilewright
