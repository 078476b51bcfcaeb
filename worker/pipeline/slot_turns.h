// Whose turn it is on each slot: one kernel is verified and timed there while the next is prepared
// elsewhere, and waits. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "worker/process/spare_time.h"

namespace tilewright {

class SlotTurns {
 public:
  explicit SlotTurns(size_t slots) : slots_(slots) {}

  // Blocks until the slot is free, and takes it. The spare time of whoever has it ends at once.
  void Take(size_t slot);
  // What the holder did there is seen by the next.
  void Return(size_t slot);

  // The holder's run may go on while nobody waits for the slot and something else is to come.
  // False: somebody waits. REQUIRES: the caller has the slot and returns it before `run` ends.
  bool Spare(size_t slot, SpareTime* run);
  void EndSpareTimes();

 private:
  struct Slot {
    bool taken = false;
    int waiting = 0;
    SpareTime* sparing = nullptr;
  };

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<Slot> slots_;
};

}  // namespace tilewright
