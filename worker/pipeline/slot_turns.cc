#include "worker/pipeline/slot_turns.h"

namespace tilewright {

void SlotTurns::Take(size_t slot) {
  std::unique_lock lock(mutex_);
  Slot& at = slots_[slot];
  if (at.sparing) at.sparing->End();
  ++at.waiting;
  returned_.wait(lock, [&] { return !at.taken; });
  --at.waiting;
  at.taken = true;
}

void SlotTurns::Return(size_t slot) {
  {
    std::lock_guard lock(mutex_);
    slots_[slot].taken = false;
    slots_[slot].sparing = nullptr;
  }
  returned_.notify_all();
}

bool SlotTurns::Spare(size_t slot, SpareTime* run) {
  std::lock_guard lock(mutex_);
  if (slots_[slot].waiting > 0) return false;
  slots_[slot].sparing = run;
  return true;
}

void SlotTurns::EndSpareTimes() {
  std::lock_guard lock(mutex_);
  for (const Slot& slot : slots_) {
    if (slot.sparing) slot.sparing->End();
  }
}

}  // namespace tilewright
