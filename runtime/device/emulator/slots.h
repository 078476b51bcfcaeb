// Hopper's mbarriers of a block, by their address in its shared memory, and how boxes lie there.
#pragma once

#include <cstdint>
#include <map>

#include "runtime/device/emulator/memory.h"

namespace tilewright::runtime {

// Where the byte lies that a matrix or box swizzled by 128 bytes has at an address: pieces of 16
// bytes of a line of 128 change places by the number of the line, of eight (PTX ISA, "Swizzling
// Modes").
inline int64_t Swizzled(int64_t address) { return address ^ (address >> 7 & 7) << 4; }

// A phase ends when all arrivals have come and all expected bytes have landed. Functions that give
// a text say what is wrong, or null.
class SlotBarriers {
 public:
  void Clear() { barriers_.clear(); }
  const char* Init(int64_t at, int arrivals, int32_t thread, const Clock& clock);
  // Whether a thread may use it: there is one, and a barrier of the block has shown it to others.
  const char* Use(int64_t at, int32_t thread, const Clock& clock) const;
  // REQUIRES: Use of the address is null, here and below.
  const char* Arrive(int64_t at, int64_t expected_bytes);
  void Land(int64_t at, int64_t bytes);
  // Whether the phase of that parity has ended: the one before the current, or, before the first,
  // that of parity 1.
  bool HasEnded(int64_t at, int parity) const;

 private:
  struct Barrier {
    int arrivals = 0, pending = 0, parity = 0;
    int64_t bytes = 0;
    uint32_t made = 0;  // in this phase of the block
    int32_t maker = -1;
  };
  static void EndPhase(Barrier* barrier);
  std::map<int64_t, Barrier> barriers_;
};

}  // namespace tilewright::runtime
