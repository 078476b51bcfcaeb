// Statements and programs of the loop IR: immutable, shared, one node type. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/loop/expr.h"

namespace tilewright {

enum class StmtKind {
  kFor,        // for var in [min, min + extent): body[0]
  kStore,      // buffer[indices...] = value
  kAtomicAdd,  // buffer[indices...] += value, which threads and blocks may do at once: the sums of
               // floats depend on their order
  kIf,         // if condition: body[0] else: body[1] (body[1] optional)
  kSeq,        // body in order
  kAlloc,      // declares `buffer` (scope kStack or kRegister) for body[0]; contents undefined
  kPrefetch,   // asks the cache for the line of element `value` of `buffer`, counted in row-major
               // order; a hint, so it may lie outside the buffer
  kBarrier,    // threads of a block wait until all have come here; then they see each other's
               // writes to shared and global memory
  kTile,       // an instruction of the 32 threads of a warp on small matrices: `tile` of `operands`
  // What a thread stored asynchronously lands between its store and the wait for its group: commit
  // ends a thread's group, wait returns when all but its last `extent` groups have landed.
  kAsyncCommit,
  kAsyncWait,
  // for var in [0, extent): body[0], which fills slot var % `slots` of shared buffers, then
  // body[1], which uses it. The block's last warp fills, the threads before it use; a slot is
  // filled as soon as its last use has ended and used as soon as it is full (Hopper's mbarriers).
  kPipeline,
  // Of the `extent` blocks that come to this element of `buffer`, a counter, the last one runs
  // body[0], and sees what all of them wrote before. The counter is 0 before the first has come and
  // again after the last one. Threads wait for each other, as at a barrier.
  kLastBlock,
};

enum class LoopKind {
  kSerial,
  kParallel,    // iterations are independent; only the program's outermost statement
  kVectorized,  // lanes; constant extent; innermost loop of its nest
  kUnrolled,    // constant extent; replaced by copies (loop/unroll.h) before code generation
};

// What on a GPU runs the iterations of a kSerial loop at once: blocks, or the threads of a block.
// Each axis binds at most one loop of a program (compiler/loop/verify.h has the rules).
enum class ThreadAxis { kNone, kBlockX, kBlockY, kBlockZ, kThreadX, kThreadY, kThreadZ };
inline bool IsBlockAxis(ThreadAxis axis) {
  return axis >= ThreadAxis::kBlockX && axis <= ThreadAxis::kBlockZ;
}
inline bool IsThreadAxis(ThreadAxis axis) { return axis >= ThreadAxis::kThreadX; }

struct TileOp;  // loop/tile.h

struct StmtNode;
using Stmt = std::shared_ptr<const StmtNode>;

struct StmtNode {
  StmtKind kind;
  // kFor, kPipeline
  Expr var, min, extent;
  LoopKind loop = LoopKind::kSerial;
  ThreadAxis axis = ThreadAxis::kNone;
  // kStore, kAtomicAdd, kAlloc, kPrefetch, kLastBlock
  Buffer buffer;
  std::vector<Expr> indices;
  Expr value;
  bool async = false;  // of a kStore to a shared buffer, from inputs alone
  // kIf
  Expr condition;
  // kPipeline
  int64_t slots = 0;
  // kTile; an operand is the load of its first element, also where it is written
  const TileOp* tile = nullptr;
  std::vector<Expr> operands;
  std::vector<Stmt> body;
};

struct LoopRange {
  Expr min, extent;
};
Stmt For(Expr var, LoopRange range, LoopKind loop, Stmt body);
Stmt For(Expr var, int64_t extent, LoopKind loop, Stmt body);    // min 0
Stmt For(Expr var, int64_t extent, ThreadAxis axis, Stmt body);  // min 0, kSerial
Stmt Let(Expr var, Expr value, Stmt body);                       // a serial loop of one step
Stmt Store(Buffer buffer, std::vector<Expr> indices, Expr value);
Stmt AtomicAdd(Buffer buffer, std::vector<Expr> indices, Expr value);
Stmt AsyncStore(Buffer buffer, std::vector<Expr> indices, Expr value);
Stmt AsyncCommit();
Stmt AsyncWait(int64_t groups);
Stmt If(Expr condition, Stmt yes, Stmt no = nullptr);
Stmt Seq(std::vector<Stmt> body);  // flattens, drops nulls; one element gives the element itself
Stmt Alloc(Buffer buffer, Stmt body);
Stmt Prefetch(Buffer buffer, Expr element);
Stmt Barrier();
Stmt TileStmt(const TileOp& op, std::vector<Expr> operands);
struct SlotSteps {
  Stmt fill, use;
};
Stmt Pipeline(Expr var, int64_t extent, int64_t slots, SlotSteps steps);
Stmt LastBlock(Buffer counters, std::vector<Expr> indices, int64_t blocks, Stmt body);

// One kernel. Parameters in call order; the last `written` are written, the others read only. The
// last one is the output, which has contents before where the program adds to it; those written
// before it, of GPU programs alone, are what blocks leave for each other. If the body is a
// kParallel For, its iterations may be split over threads by range.
struct Program {
  std::string name;
  std::vector<Buffer> params;
  size_t written = 1;
  Stmt body;

  // Whether it is a parameter that is read only.
  bool IsInput(const Buffer& buffer) const;

  // Extent of the outermost parallel loop; 1 when there is none.
  int64_t ParallelExtent() const;
};

}  // namespace tilewright
