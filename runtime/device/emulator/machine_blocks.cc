// What kernels ask of the machine where blocks leave something for the last of them.
#include <string>

#include "runtime/device/emulator/machine.h"

namespace tilewright::runtime {

void Machine::BindBlockFunctions() {
  fence = [](tw_machine* m) {
    Machine& self = static_cast<Machine&>(*m);
    self.arrivals_.Fence(self.clock_.phase, &self.threads_[self.running_].handover);
  };
  arrive = [](tw_machine* m, tw_memory* counter, long long at, int blocks) {
    Machine& self = static_cast<Machine&>(*m);
    const int last = self.Arrive(*counter, at, blocks) ? 1 : 0;
    if (!self.found_.empty()) self.fibers_->Yield();
    return last;
  };
}

void Machine::NoteWrite(tw_memory* memory, long long at) {
  threads_[running_].handover.wrote = clock_.phase;
  const std::string wrong = arrivals_.WrongInWrite(clock_.phase);
  if (!wrong.empty()) Found(wrong, memory, at);
}

bool Machine::Arrive(tw_memory& counter, long long at, int blocks) {
  for (int i = 0; i < 4; ++i) {
    if (counter.state[at + i] == kWrittenByte) continue;
    Found("counts what nobody wrote,", &counter, at);
    return false;
  }
  std::vector<const Handover*> others;
  for (const Thread& thread : threads_) others.push_back(&thread.handover);
  const Handover& own = threads_[running_].handover;
  std::erase(others, &own);
  const std::string wrong = Arrivals::WrongBefore(others, own, clock_.phase);
  if (!wrong.empty()) {
    Found(wrong, &counter, at);
    return false;
  }
  auto* const count = reinterpret_cast<int32_t*>(counter.data + at);
  const bool last = *count == blocks - 1;
  *count = last ? 0 : *count + 1;
  arrivals_.Arrive(count, {clock_.block_start, clock_.phase}, last);
  return last;
}

}  // namespace tilewright::runtime
