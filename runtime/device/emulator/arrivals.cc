#include "runtime/device/emulator/arrivals.h"

namespace tilewright::runtime {

void Arrivals::StartBlock() {
  seen_.clear();
  phase_ = 0;
  last_ = false;
}

std::string Arrivals::WrongBefore(const std::vector<const Handover*>& others, const Handover& own,
                                  uint32_t phase) {
  bool fenced = own.wrote == 0, met = true;
  for (const Handover* thread : others) {
    fenced = fenced && thread->wrote == 0;
    met = met && (thread->fenced == 0 || thread->fenced < phase);
  }
  if (!fenced) return "arrives without a fence after what its block wrote, at";
  return met ? "" : "arrives without a barrier after its block's fences, at";
}

void Arrivals::Arrive(const void* counter, Phases phases, bool last) {
  phase_ = phases.last;
  last_ = last;
  if (last) seen_ = arrived_[counter];
  arrived_[counter].push_back(phases);
}

void Arrivals::Fence(uint32_t phase, Handover* thread) const {
  thread->wrote = 0;
  thread->fenced = phase;
  if (last_ && phase > phase_) thread->sees_all = true;
}

std::string Arrivals::WrongInWrite(uint32_t phase) const {
  if (phase_ == 0 || (last_ && phase > phase_)) return "";
  return "writes, after its block has arrived,";
}

}  // namespace tilewright::runtime
