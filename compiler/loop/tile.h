// Instructions of neighbouring threads on small matrices (tensor cores): what `kTile` statements
// name. Each thread names the first of its elements of every operand.
//
// A file of compiler/loop/tiles, NAME.cc with `std::vector<TileOp> NAME()`, describes a family of
// them whole: operands and which elements of their matrices a thread holds, who has it, what it
// computes, its text. The verifier, the interpreter, the printer and the emulator learn of it there
// alone, and tests/targets/tile_instructions_test.cc compares what they make of it. Values;
// thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/loop/expr.h"

namespace tilewright {

inline constexpr int64_t kWarpThreads = 32, kGroupThreads = 128;
inline constexpr size_t kMostTileOperands = 4;

// Rows of a and d, columns of b and d, of a warp's multiplication d += a * b.
inline constexpr int64_t kTileRows = 16, kTileColumns = 8;
// Rows of d of a warpgroup's; bytes of a row of its a and b.
inline constexpr int64_t kGroupRows = 64, kRowBytes = 128;

// Who comes to an instruction together, and where.
enum class TileThreads {
  kWarp,   // 32 threads, neighbours along x, outside a pipeline's fill
  kGroup,  // 128 threads in the use of a pipeline (kPipeline, loop/stmt.h), which waits for it
  kOne,    // in a pipeline's fill, once for its warp. Operands to, from: a box of `from`, an input,
           // goes to shared memory. Its shape are to's last dimensions, as many as from's; its rows
           // have 128 bytes. `from` names the box's first element; outside the input it is zero.
};

struct MatrixPlace {
  int64_t row, column;
};

// A matrix that an instruction reads or writes, and what a thread names of it.
//
// In registers `place` says where a thread's element lies. In shared memory a warp's thread t names
// row t, aligned to 16 bytes; threads after the last row name what is not touched, inside the
// buffer. A warpgroup's threads all name the first row, of 128 bytes, which the others follow. How
// these lie in a slot is the pipeline's alone (swizzled by 128 bytes): nothing else touches it.
struct TileOperand {
  const char* what;  // for messages
  DType dtype;
  Scope scope;
  int64_t elements;               // that a thread names, along the buffer's last dimension
  int64_t rows = 0, columns = 0;  // of the matrix; a box has its buffer's
  MatrixPlace (*place)(const TileOperand& operand, int64_t thread, int64_t element) = nullptr;
};

// An operand's elements, of all threads. A double holds those of every type of an instruction.
struct TileMatrix {
  double& At(int64_t row, int64_t column) { return elements[row * columns + column]; }
  double At(int64_t row, int64_t column) const { return elements[row * columns + column]; }
  int64_t rows = 0, columns = 0;
  std::vector<double> elements;
};

// One instruction for one element type.
struct TileOp {
  std::string name;
  DType type;  // of what it multiplies or moves
  TileThreads threads = TileThreads::kWarp;
  std::vector<TileOperand> operands;  // the first is written
  // The first operand from all, rounded to its type afterwards. Null: a box is copied.
  void (*compute)(std::span<TileMatrix> operands) = nullptr;
  int first_architecture = 0;      // of NVIDIA: 80 is sm_80
  bool last_architecture = false;  // later ones have it no more: it is built for sm_90a
  int64_t depth = 0;               // k of d [16,8] += a [16,k] * b [k,8] by a warp
  // Definitions of tw_<name>(operands...): in CUDA C++ by inline PTX, and in C++ for the emulator
  // (runtime/device/emulator/kernel_interface.h, tw_tile). The second is written from the PTX ISA,
  // apart from `place` and `compute`, so that each checks the other.
  std::string cuda, emulator;
};

// Every instruction, and by name; null: there is none of it.
const std::vector<TileOp>& TileOps();
const TileOp* FindTileOp(std::string_view name);

int64_t CountOf(TileThreads threads);
// Whether an architecture of NVIDIA (80: sm_80) has it.
bool Has(int architecture, const TileOp& op);

// The multiplication of `type` of the most depth that the architecture has; null: none.
const TileOp* FindMultiply(DType type, int architecture);
// The multiplication of a warpgroup; null: the architecture or the type has none.
const TileOp* FindGroupMultiply(DType type, int64_t columns, bool transposed, int architecture);
// The load of boxes of a type. REQUIRES: a type of a warpgroup's multiplications.
const TileOp& BoxLoadOf(DType type);
// The load of so many matrices. REQUIRES: 1, 2 or 4; a 16-bit type where transposed.
const TileOp& MatrixLoadOf(DType type, int64_t matrices, bool transposed);

}  // namespace tilewright
