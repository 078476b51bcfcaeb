// The interpreter's compiled statements. Used only by the interpreter.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/loop/interpret_code.h"

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
  Steps body, otherwise;
  bool meets = false;  // threads wait for each other in it
  // Of the step that runs the threads of a block.
  std::vector<std::pair<size_t, int64_t>> threads;  // slots of the variables and extents
  std::vector<PrivateBuffer> private_buffers;
  std::vector<SharedBuffer> shared_buffers;
};

void RunSteps(const Steps& steps, Frame& frame);
// A step of its own, so that threads can stop at it.
void RunBarrier(const Step& step, Frame& frame);
// Runs the body for every thread, from one barrier to the next. Between barriers threads run one
// after the other; that another order gives the same is checked: the frame fails when two threads
// touch one element of a shared buffer between two barriers and one of them writes.
void RunThreads(const Step& step, Frame& frame);

}  // namespace tilewright::interpret
