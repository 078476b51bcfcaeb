// Instructions of a warp on small matrices (tensor cores): what `kTile` statements name. The 32
// threads of a warp, neighbours along x, come to one together; each names its own operands.
//
// mma_m16n8k<k>_<type>  d, a, b: d += a * b, where the warp's registers together hold d [16,8],
//   a [16,k] and b [k,8] as FragmentOf says. d is float32, or int32 for int8. Products of float32
//   operands are of values rounded to tf32 (10 bits of fraction, ties away from zero).
// ldmatrix_x<n>[_trans]_<type>  to, row: n matrices of 8 rows of 16 bytes go from shared memory to
//   registers. Thread 8 i + r names the start of row r of matrix i, aligned to 16 bytes; those from
//   8 n on name what is not read, inside the buffer. Word i of thread t, four bytes, becomes word
//   t % 4 of row t / 4 of matrix i; of the transposed matrix (16-bit types), where it is said.
//
// Of 128 neighbouring threads, a warpgroup, in the use of a pipeline (kPipeline, loop/stmt.h):
//
// wgmma_m64n<n>[_trans]_<type>  d, a, b: d [64,n] += a * b, d as FragmentOf says, a 64 and b n rows
//   of 128 bytes in shared memory, the depth along both. All threads name the same first rows. b
//   transposed (16-bit types): for each 64 columns, one after the other, 64 rows of the depth.
//
// Of the warp that fills a pipeline, once for all its threads:
//
// tma_load_<type>  to, from: a box of `from`, an input, goes to shared memory. Its shape are to's
//   last dimensions, as many as from's; its rows have 128 bytes. `from` names the box's first
//   element; what lies outside the input is zero.
//
// How rows lie in a slot is theirs alone (swizzled by 128 bytes): nothing else touches it.
//
// Source: PTX ISA 9.0, 9.7.14 "Warp-Level Matrix Instructions", 9.7.15 "Asynchronous Warpgroup
// Level Matrix Instructions", 9.7.9.27 "Tensor Copy". Values; thread-safe.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "compiler/loop/expr.h"

namespace tilewright {

inline constexpr int64_t kWarpThreads = 32, kGroupThreads = 128;

// Rows of a and d, columns of b and d, of every multiplication.
inline constexpr int64_t kTileRows = 16, kTileColumns = 8;
// Rows of d of a warpgroup's; bytes of a row of its a and b.
inline constexpr int64_t kGroupRows = 64, kRowBytes = 128;

// One instruction for one element type.
struct TileOp {
  std::string_view name;
  DType type;                      // of a and b, or of what is loaded
  int64_t depth = 0;               // of a warp's multiplication: its k; else 0
  int64_t matrices = 0;            // of ldmatrix
  bool transposed = false;         // of ldmatrix, or b of a warpgroup's multiplication
  int first_architecture = 0;      // of NVIDIA: 80 is sm_80
  int64_t columns = 0;             // of a warpgroup's multiplication: its n; else 0
  bool loads_box = false;          // of TMA
  bool last_architecture = false;  // later ones have it no more: it is built for sm_90a
};

// Every instruction, and by name; null: there is none of it.
std::span<const TileOp> TileOps();
const TileOp* FindTileOp(std::string_view name);

// The multiplication of `type` of the most depth that the architecture (80: sm_80) has; null: none.
const TileOp* FindMultiply(DType type, int architecture);
// The multiplication of a warpgroup; null: the architecture or the type has none.
const TileOp* FindGroupMultiply(DType type, int64_t columns, bool transposed, int architecture);
// The load of boxes of a type. REQUIRES: a type of a warpgroup's multiplications.
const TileOp& BoxLoadOf(DType type);
// The load of so many matrices. REQUIRES: 1, 2 or 4; a 16-bit type where transposed.
const TileOp& MatrixLoadOf(DType type, int64_t matrices, bool transposed);

// What a thread names of an operand.
struct TileOperand {
  const char* what;  // for messages
  DType dtype;
  Scope scope;
  int64_t elements;  // consecutive ones, along the buffer's last dimension
};
std::vector<TileOperand> OperandsOf(const TileOp& op);

// The matrices of a multiplication.
enum class Fragment { kSums, kLeft, kRight };  // d, a, b
// Where element `element` of a thread's operand lies in the matrix.
struct MatrixPlace {
  int64_t row, column;
};
MatrixPlace FragmentOf(const TileOp& multiply, Fragment fragment, int64_t thread, int64_t element);

}  // namespace tilewright
