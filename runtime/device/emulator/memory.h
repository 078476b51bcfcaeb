// Memory of the emulator that threads share, and who touched each byte of it: a race is found from
// the order of barriers alone, whether or not this run's order would show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/device/emulator/kernel_interface.h"

namespace tilewright::runtime {

// Phases are the times between two barriers, counted over all launches.
struct Phases {
  uint32_t first = 0, last = 0;
};
struct Clock {
  uint32_t phase = 0;
  uint32_t block_start = 0, launch_start = 0;  // their first phases
};

// What a thread of the block does to bytes.
struct MemoryTouch {
  int64_t at, bytes;
  int how;  // kReadTouch, ...
  int32_t thread;
};

// Who touched the bytes of a memory last.
class TouchLog {
 public:
  explicit TouchLog(size_t bytes) : seen_(bytes) {}
  // Null, or why this touch is a race: another thread of the block touched a byte in the same
  // phase, or another block in the same launch but in phases that the thread has `seen`, and one of
  // the two writes or adds, but not both add. REQUIRES: inside.
  const char* Touch(const MemoryTouch& touch, const Clock& clock,
                    const std::vector<Phases>& seen = {});

  struct LastTouch {
    uint32_t phase = 0;  // 0: never
    int32_t thread = -1;
  };

 private:
  struct Seen {
    LastTouch write, read;
  };
  std::vector<Seen> seen_;
};

// Undefined contents: bytes of 0xff until they are written, in floats NaN.
class Bytes {
 public:
  explicit Bytes(size_t bytes);
  char* data() { return data_.get(); }
  unsigned char* state() { return state_.data(); }
  TouchLog& log() { return log_; }

 private:
  struct Free {
    void operator()(char* data) const;
  };
  std::unique_ptr<char, Free> data_;
  std::vector<unsigned char> state_;
  TouchLog log_;
};

// A part of some bytes, as a kernel sees it.
struct Memory : tw_memory {
  Memory(Bytes* of, size_t first_byte, size_t size, int memory_scope);
  Bytes* whole;
  int64_t first;
};

}  // namespace tilewright::runtime
