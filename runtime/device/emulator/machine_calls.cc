// What kernels ask of the machine. A thread that is found wrong yields for good.
#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/device/emulator/machine.h"

namespace tilewright::runtime {
namespace {

// Consecutive shared buffers start at multiples of it, as kernels declare.
constexpr int64_t kSharedAlignment = 16;

Machine& Self(tw_machine* machine) { return static_cast<Machine&>(*machine); }

}  // namespace

void Machine::BindFunctions() {
  shared = [](tw_machine* m, const char* name, long long bytes, long long at) {
    tw_memory* const memory = Self(m).FindShared(name, bytes, at);
    if (!Self(m).found_.empty()) Self(m).fibers_->Yield();
    return memory;
  };
  touch = [](tw_machine* m, tw_memory* memory, long long at, int bytes, int how) {
    Machine& self = Self(m);
    self.Touch(memory, at, bytes, how);
    if (memory->scope == kSharedMemory) {
      self.log_->Note(self.running_, self.AddressOf(*memory) + at, bytes, how != kReadTouch);
    }
    if (!self.found_.empty()) self.fibers_->Yield();
  };
  fail = [](tw_machine* m, const char* what, const tw_memory* memory, long long at) {
    Self(m).Found(what, memory, at);
    Self(m).fibers_->Yield();
  };
  barrier = [](tw_machine* m, int line) { Self(m).Wait(State::kAtBarrier, line); };
  copy = [](tw_machine* m, tw_memory* to, long long to_at, tw_memory* from, long long from_at,
            int bytes) {
    Self(m).CopyLate({to, to_at}, {from, from_at}, bytes);
    if (!Self(m).found_.empty()) Self(m).fibers_->Yield();
  };
  commit = [](tw_machine* m) { ++Self(m).threads_[Self(m).running_].groups; };
  wait = [](tw_machine* m, int groups) {
    Self(m).Land(groups);
    if (!Self(m).found_.empty()) Self(m).fibers_->Yield();
  };
  BindTileFunctions();
  BindSlotFunctions();
  BindBlockFunctions();
}

void Machine::Enter(void* machine) {
  Machine& self = *static_cast<Machine*>(machine);
  self.launch_->run(self.args_.data());
  self.threads_[self.running_].state = State::kDone;
}

void Machine::Wait(State state, int line) {
  threads_[running_].state = state;
  threads_[running_].line = line;
  fibers_->Yield();
}

// The first thread that declares a buffer makes it.
tw_memory* Machine::FindShared(const char* name, long long bytes, int64_t at) {
  for (const Shared& one : shared_) {
    if (std::strcmp(one.memory->name, name) == 0) return one.memory.get();
  }
  const auto size = static_cast<size_t>(bytes);
  const int64_t address = at < 0 ? shared_bytes_ : at;
  if (at >= 0 && at + bytes > launch_->needs.shared_bytes) {
    Found("has less shared memory than it declares", nullptr, 0);
  }
  Shared made{.bytes = std::make_unique<Bytes>(size), .memory = nullptr, .address = address};
  made.memory = std::make_unique<Memory>(made.bytes.get(), 0, size, kSharedMemory);
  made.memory->name = name;
  shared_bytes_ = address + (bytes + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment;
  shared_.push_back(std::move(made));
  return shared_.back().memory.get();
}

int64_t Machine::AddressOf(const tw_memory& memory) const {
  for (const Shared& one : shared_) {
    if (one.memory.get() == &memory) return one.address;
  }
  return 0;
}

void Machine::Touch(tw_memory* memory, long long at, int bytes, int how) {
  unsigned char* const state = memory->state + at;
  for (int i = 0; i < bytes; ++i) {
    if ((state[i] & kLateByte) != 0) {
      return Found("touches what an asynchronous copy has not yet brought to", memory, at + i);
    }
    if (how != kWriteTouch && state[i] == 0) {
      return Found(how == kAddTouch ? "adds to what nobody wrote," : "reads what nobody wrote,",
                   memory, at + i);
    }
    if (how == kWriteTouch) state[i] = kWrittenByte;
  }
  static const std::vector<Phases> kNone;
  Memory& whole = static_cast<Memory&>(*memory);
  const bool sees_all = threads_[running_].handover.sees_all;
  const char* race =
      whole.whole->log().Touch({whole.first + at, bytes, how, static_cast<int32_t>(running_)},
                               clock_, sees_all ? arrivals_.seen() : kNone);
  if (race != nullptr) return Found(race, memory, at);
  if (how != kReadTouch && memory->scope == kGlobalMemory) NoteWrite(memory, at);
}

void Machine::CopyLate(const tw_operand& to, const tw_operand& from, int bytes) {
  Touch(to.memory, to.at, bytes, kWriteTouch);
  Thread& thread = threads_[running_];
  LateCopy late{.to = to.memory, .at = to.at, .bytes = bytes, .group = thread.groups, .value = {}};
  const auto size = static_cast<size_t>(bytes);
  if (from.memory != nullptr) std::memcpy(late.value.data(), from.memory->data + from.at, size);
  std::memset(to.memory->data + to.at, 0xff, size);
  std::memset(to.memory->state + to.at, kLateByte, size);
  thread.late.push_back(late);
}

// All but the thread's last groups.
void Machine::Land(int groups) {
  Thread& thread = threads_[running_];
  const auto lands = [&](const LateCopy& late) { return late.group < thread.groups - groups; };
  for (const LateCopy& late : thread.late) {
    if (!lands(late)) continue;
    const auto size = static_cast<size_t>(late.bytes);
    std::memcpy(late.to->data + late.at, late.value.data(), size);
    std::memset(late.to->state + late.at, kWrittenByte, size);
    Touch(late.to, late.at, late.bytes, kWriteTouch);
  }
  std::erase_if(thread.late, lands);
}

}  // namespace tilewright::runtime
