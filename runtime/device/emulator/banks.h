// Conflicts of a warp's accesses to the 32 banks of shared memory, four bytes wide each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tilewright::runtime {

// Passes: what the hardware serves at once. A conflict is a pass more than the bytes need.
struct BankCounts {
  int64_t passes = 0, conflicts = 0;
};

// Passes that accesses of `bytes` each at these addresses take, and those that they need: 128 bytes
// a pass, words of different lanes that are the same only once (CUDA C++ Programming Guide, "Shared
// Memory" of compute capability 5.x and on).
BankCounts CountPasses(const std::vector<int64_t>& addresses, int64_t bytes);

// Pairs the n-th access of each lane since the last meeting with the n-th of the others: exact
// where the lanes of a warp take one path.
class BankLog {
 public:
  explicit BankLog(size_t threads) : accesses_(threads) {}
  void Note(size_t thread, int64_t address, int64_t bytes, bool write);
  // Counts what was noted, and forgets it.
  BankCounts Meet();

 private:
  struct Access {
    int64_t address;
    int32_t bytes;
    bool write;
  };
  BankCounts CountWarp(size_t first) const;
  std::vector<std::vector<Access>> accesses_;  // by thread
};

}  // namespace tilewright::runtime
