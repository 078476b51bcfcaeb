#include "runtime/device/emulator/slots.h"

namespace tilewright::runtime {

const char* SlotBarriers::Init(int64_t at, int arrivals, int32_t thread, const Clock& clock) {
  if (arrivals <= 0 || at % 8 != 0) return "makes a slot's barrier that cannot be one";
  barriers_[at] = {.arrivals = arrivals, .pending = arrivals, .made = clock.phase, .maker = thread};
  return nullptr;
}

const char* SlotBarriers::Use(int64_t at, int32_t thread, const Clock& clock) const {
  const auto found = barriers_.find(at);
  if (found == barriers_.end()) return "uses a slot's barrier that nobody made";
  const Barrier& barrier = found->second;
  if (barrier.maker == thread || barrier.made != clock.phase) return nullptr;
  return "uses a slot's barrier that it may not have seen made";
}

const char* SlotBarriers::Arrive(int64_t at, int64_t expected_bytes) {
  Barrier& barrier = barriers_.at(at);
  if (barrier.pending == 0) return "arrives at a slot's barrier that counts no more arrivals";
  barrier.bytes += expected_bytes;
  --barrier.pending;
  EndPhase(&barrier);
  return nullptr;
}

void SlotBarriers::Land(int64_t at, int64_t bytes) {
  Barrier& barrier = barriers_.at(at);
  barrier.bytes -= bytes;
  EndPhase(&barrier);
}

bool SlotBarriers::HasEnded(int64_t at, int parity) const {
  return barriers_.at(at).parity != parity;
}

void SlotBarriers::EndPhase(Barrier* barrier) {
  if (barrier->pending != 0 || barrier->bytes != 0) return;
  barrier->parity ^= 1;
  barrier->pending = barrier->arrivals;
}

}  // namespace tilewright::runtime
