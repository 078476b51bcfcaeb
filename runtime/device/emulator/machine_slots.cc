// What kernels ask of the machine for pipelines: barriers of slots and boxes.
#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/device/emulator/machine.h"

namespace tilewright::runtime {
namespace {

constexpr int64_t kRowBytes = 128;  // of a box

Machine& Of(tw_machine* machine) { return static_cast<Machine&>(*machine); }

}  // namespace

void Machine::BindSlotFunctions() {
  address = [](tw_machine* m, const tw_memory* memory) -> long long {
    return Of(m).AddressOf(*memory);
  };
  slot_barrier = [](tw_machine* m, int what, long long at, int value, int line) {
    Of(m).UseBarrier(what, at, value, line);
    if (!Of(m).found_.empty()) Of(m).fibers_->Yield();
  };
  load_box = [](tw_machine* m, const tw_memory* map, const int* first, int count, long long to,
                long long barrier) {
    Of(m).StartBox(map, {first, static_cast<size_t>(count)}, to, barrier);
    if (!Of(m).found_.empty()) Of(m).fibers_->Yield();
  };
}

void Machine::UseBarrier(int what, int64_t at, int value, int line) {
  const auto own = static_cast<int32_t>(running_);
  const char* wrong = what == kBarrierInit ? barriers_.Init(at, value, own, clock_)
                                           : barriers_.Use(at, own, clock_);
  const bool arrives = what == kBarrierArrive || what == kBarrierExpect;
  if (wrong == nullptr && arrives) wrong = barriers_.Arrive(at, what == kBarrierExpect ? value : 0);
  if (wrong != nullptr)
    return Found(wrong + std::string(" of line ") + std::to_string(line), nullptr, 0);
  if (what != kBarrierWait || barriers_.HasEnded(at, value)) return;
  threads_[running_].slot = at;
  threads_[running_].parity = value;
  Wait(State::kAtSlot, line);
}

bool Machine::ReleaseSlots() {
  while (true) {
    bool released = false;
    for (Thread& thread : threads_) {
      if (thread.state != State::kAtSlot) continue;
      if (!barriers_.HasEnded(thread.slot, thread.parity)) continue;
      thread.state = State::kReady;
      released = true;
    }
    if (released || boxes_.empty()) return released;
    LandBox(std::uniform_int_distribution<size_t>(0, boxes_.size() - 1)(random_));
  }
}

Machine::Shared* Machine::SharedAt(int64_t at, int64_t bytes) {
  for (Shared& one : shared_) {
    if (at >= one.address && at + bytes <= one.address + one.memory->bytes) return &one;
  }
  Found("touches no shared memory at address " + std::to_string(at), nullptr, 0);
  return nullptr;
}

void Machine::StartBox(const tw_memory* map, std::span<const int> first, int64_t to,
                       int64_t barrier) {
  const char* wrong = barriers_.Use(barrier, static_cast<int32_t>(running_), clock_);
  if (wrong != nullptr) return Found(wrong, nullptr, 0);
  const size_t maps = launch_->needs.maps.size(), operands = launch_->args.size() - maps;
  size_t number = 0;
  while (number < maps && &launch_->args[operands + number] != map) ++number;
  if (number == maps) return Found("loads a box of no map", nullptr, 0);
  const TensorMap& of = launch_->needs.maps[number];
  LateBox box{.map = &of,
              .tensor = map,
              .first = {},
              .to = to,
              .barrier = barrier,
              .bytes = of.element_bytes};
  box.first.assign(first.rbegin(), first.rend());
  if (box.first.size() != of.box.size()) return Found("loads a box of another rank", map, 0);
  for (const int64_t extent : of.box) box.bytes *= extent;
  Shared* const shared = SharedAt(to, box.bytes);
  if (shared == nullptr) return;
  if (to % kRowBytes != 0) return Found("loads a box to a misaligned place", nullptr, 0);
  const int64_t at = to - shared->address;
  for (int64_t i = 0; i < box.bytes; ++i) {
    if ((shared->memory->state[at + i] & kLateByte) == 0) continue;
    return Found("loads a box to where another one is under way,", shared->memory.get(), at + i);
  }
  std::memset(shared->memory->data + at, 0xff, static_cast<size_t>(box.bytes));
  std::memset(shared->memory->state + at, kLateByte, static_cast<size_t>(box.bytes));
  boxes_.push_back(std::move(box));
}

// Its rows lie one after the other, swizzled by their addresses.
void Machine::LandBox(size_t number) {
  const LateBox box = boxes_[number];
  boxes_.erase(boxes_.begin() + static_cast<std::ptrdiff_t>(number));
  const TensorMap& map = *box.map;
  const int64_t bytes = map.element_bytes;
  Shared& shared = *SharedAt(box.to, box.bytes);
  for (int64_t i = 0; i < box.bytes / bytes; ++i) {
    int64_t rest = i, offset = 0, stride = bytes;
    bool inside = true;
    for (size_t d = map.box.size(); d-- > 0; rest /= map.box[d], stride *= map.extents[d]) {
      const int64_t index = box.first[d] + rest % map.box[d];
      inside = inside && index >= 0 && index < map.extents[d];
      offset += index * stride;
    }
    const int64_t to = Swizzled(box.to + i * bytes) - shared.address;
    if (inside && box.tensor->state[offset] == 0) Throw("a box reads what nobody wrote");
    for (int64_t byte = 0; byte < bytes; ++byte) {
      shared.memory->data[to + byte] = inside ? box.tensor->data[offset + byte] : '\0';
      shared.memory->state[to + byte] = kWrittenByte;
    }
  }
  barriers_.Land(box.barrier, box.bytes);
}

void Machine::CheckNothingIsLate() const {
  if (!boxes_.empty()) Throw("a block ends while a box is under way");
  for (const Warp& warp : warps_) {
    if (!warp.late.empty()) Throw("a block ends before its products are waited for");
  }
}

}  // namespace tilewright::runtime
