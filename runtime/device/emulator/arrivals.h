// What blocks of a launch leave for the last of them that comes to a counter, and whether it may
// read that: each thread that wrote has a fence, then a barrier, before one of its block arrives;
// each that reads has one after the barrier that follows the last block's arrival. Phases are the
// Clock's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/device/emulator/memory.h"

namespace tilewright::runtime {

// A thread's part in it.
struct Handover {
  uint32_t wrote = 0;     // the phase of its last write to global memory without a fence; 0: none
  uint32_t fenced = 0;    // of its last fence
  bool sees_all = false;  // what the blocks wrote that had arrived
};

class Arrivals {
 public:
  void StartLaunch() { arrived_.clear(); }
  void StartBlock();

  // "", or why the block's last writes may be seen by nobody.
  static std::string WrongBefore(const std::vector<const Handover*>& others, const Handover& own,
                                 uint32_t phase);
  // The block whose phases these are has come to a counter.
  void Arrive(const void* counter, Phases phases, bool last);
  void Fence(uint32_t phase, Handover* thread) const;
  // "", or why nobody may see what a thread writes to global memory.
  std::string WrongInWrite(uint32_t phase) const;
  // What the last block may read of others.
  const std::vector<Phases>& seen() const { return seen_; }

 private:
  std::map<const void*, std::vector<Phases>> arrived_;  // of a launch, by counter
  std::vector<Phases> seen_;
  uint32_t phase_ = 0;  // of this block's arrival; 0: it has not arrived
  bool last_ = false;
};

}  // namespace tilewright::runtime
