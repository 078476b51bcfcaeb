// What kernels ask of the machine for pipelines: barriers of slots, boxes and warpgroups' products.
#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/device/emulator/machine.h"

namespace tilewright::runtime {
namespace {

constexpr int64_t kRowBytes = 128;  // of a box
constexpr int kPieceBytes = 16;     // that swizzling moves

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
    Of(m).StartBox(map, first, count, to, barrier);
    if (!Of(m).found_.empty()) Of(m).fibers_->Yield();
  };
  group_fence = [](tw_machine* m) { Of(m).threads_[Of(m).running_].fenced = true; };
  group_commit = [](tw_machine* m) { ++Of(m).threads_[Of(m).running_].group_groups; };
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

void Machine::StartBox(const tw_memory* map, const int* first, int count, int64_t to,
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
  for (int d = count; d-- > 0;) box.first.push_back(first[d]);
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

// Its sums are nobody's until the wait.
void Machine::StartProduct(const WarpTile& warp, size_t first) {
  for (size_t lane = 0; lane < warp.size(); ++lane) {
    const tw_tile& op = warp[lane];
    if (!threads_[first + lane].fenced) Throw("multiplies without a fence since the last wait");
    for (int m = 0; m < 2; ++m) {
      if (op.descriptors[m] != warp[0].descriptors[m]) Throw("lanes name different matrices");
      if (!IsSwizzledBy128(op.descriptors[m])) Throw("names a matrix that is not swizzled by 128");
    }
    const int64_t bytes = op.columns / 2 * 4;
    if (op.sum < 0 || op.sum + bytes > op.sums->bytes) Throw("has too few sums");
    unsigned char* const state = op.sums->state + op.sum;
    if (std::find(state, state + bytes, 0) != state + bytes) Throw("adds to sums nobody wrote");
    std::memset(state, kLateByte, static_cast<size_t>(bytes));
  }
  products_[first / kWarpLanes].push_back({warp, threads_[first].group_groups});
}

void Machine::FinishProducts(const WarpTile& warp, size_t first) {
  std::vector<LateProduct>& late = products_[first / kWarpLanes];
  const int landing = threads_[first].group_groups - warp[0].columns;
  const ReadShared read = [this](int64_t at) -> const char* {
    Shared* const shared = SharedAt(at, kPieceBytes);
    if (shared == nullptr) return nullptr;
    tw_memory* const memory = shared->memory.get();
    for (int64_t i = at - shared->address; i < at - shared->address + kPieceBytes; ++i) {
      if (memory->state[i] == kWrittenByte) continue;
      Found(memory->state[i] == 0 ? "reads what nobody wrote,"
                                  : "touches what an asynchronous copy has not yet brought to",
            memory, i);
      return nullptr;
    }
    return memory->data + (at - shared->address);
  };
  for (const LateProduct& product : late) {
    if (product.group >= landing) continue;
    const int quarter = static_cast<int>(first / kWarpLanes % 4);
    if (!MultiplyQuarter(product.warp, quarter, read)) Throw(found_);
    for (const tw_tile& op : product.warp) {
      std::memset(op.sums->state + op.sum, kWrittenByte, static_cast<size_t>(op.columns) * 2);
    }
  }
  std::erase_if(late, [&](const LateProduct& product) { return product.group < landing; });
  for (size_t lane = 0; lane < kWarpLanes; ++lane) threads_[first + lane].fenced = false;
}

void Machine::CheckNothingIsLate() const {
  if (!boxes_.empty()) Throw("a block ends while a box is under way");
  for (const std::vector<LateProduct>& late : products_) {
    if (!late.empty()) Throw("a block ends before its products are waited for");
  }
}

}  // namespace tilewright::runtime
