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
// Source: PTX ISA 9.0, 9.7.14 "Warp-Level Matrix Instructions". Values; thread-safe.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "compiler/loop/expr.h"

namespace tilewright {

inline constexpr int64_t kWarpThreads = 32;

// Rows of a and d, columns of b and d, of every multiplication.
inline constexpr int64_t kTileRows = 16, kTileColumns = 8;

// One instruction for one element type.
struct TileOp {
  std::string_view name;
  DType type;                  // of a and b, or of what is loaded
  int64_t depth = 0;           // of a multiplication: its k; else 0
  int64_t matrices = 0;        // of a load
  bool transposed = false;     // of a load
  int first_architecture = 0;  // of NVIDIA: 80 is sm_80
};

// Every instruction, and by name; null: there is none of it.
std::span<const TileOp> TileOps();
const TileOp* FindTileOp(std::string_view name);

// The multiplication of `type` of the most depth that the architecture (80: sm_80) has; null: none.
const TileOp* FindMultiply(DType type, int architecture);
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
