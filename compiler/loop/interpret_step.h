// The interpreter's compiled statements. Used only by the interpreter.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "compiler/loop/interpret_code.h"
#include "compiler/loop/tile.h"

namespace tilewright::interpret {

struct Step;
using Steps = std::vector<Step>;

// Memory that each thread of a block has for itself.
struct PrivateBuffer {
  size_t slot = 0;
  int64_t bytes = 0;
};
// A buffer that the threads of a block share, in elements.
struct SharedBuffer {
  const BufferNode* buffer = nullptr;
  size_t slot = 0;
};

// One compiled statement.
struct Step {
  void (*run)(const Step&, Frame&) = nullptr;
  size_t slot = 0;                               // loop
  const Code *min = nullptr, *extent = nullptr;  // loop
  const Code* value = nullptr;                   // store's value or the condition
  Access access;                                 // store
  bool async = false;                            // store
  Steps body, otherwise;
  int64_t slots = 0;   // pipeline: `body` fills, `otherwise` uses
  bool meets = false;  // threads wait for each other in it
  const TileOp* tile = nullptr;
  std::vector<Access> operands;  // of the tile: the first and the last element of each
  std::vector<const Code*> box;  // of a load of boxes: the first element's indices
  // Of the step that runs the threads of a block.
  std::vector<std::pair<size_t, int64_t>> threads;  // slots and extents, z to x
  std::vector<PrivateBuffer> private_buffers;
  std::vector<SharedBuffer> shared_buffers;
};

void RunSteps(const Steps& steps, Frame& frame);
// A step of its own, so that threads can stop at it.
void RunBarrier(const Step& step, Frame& frame);
// Asynchronous stores are as late as they may be, and undefined until then.
void RunAsyncCommit(const Step& step, Frame& frame);
// The last step.slot groups may stay late.
void RunAsyncWait(const Step& step, Frame& frame);
// Keeps for later what a store has just written to the element. REQUIRES: in its buffer.
void StoreLate(const Access& access, int64_t at, size_t bytes, Frame& frame);
// Another one, so that they part: the last warp fills slots, as early as they are free, the others
// use them.
void RunPipeline(const Step& step, Frame& frame);
// Another one: counts the block, and runs the body where it is the last. Of one thread as it is;
// those of a block come together.
void RunLastBlock(const Step& step, Frame& frame);
// Counts a block at the step's counter. True: it is the last, and the counter is 0 again.
bool IsLastBlock(const Step& step, Frame& frame);
// Runs a tile instruction for the threads that come to it together. A frame fails where its
// operands lie outside their buffers, a row in shared memory is not aligned to 16 bytes, or another
// thread wrote it since the last barrier.
void RunTile(const Step& step, std::span<Frame> threads);
// Runs the body for every thread, from one barrier to the next. Between barriers threads run one
// after the other; that another order gives the same is checked: the frame fails when two threads
// touch one element of a shared buffer between two barriers and one of them writes.
void RunThreads(const Step& step, Frame& frame);

}  // namespace tilewright::interpret
