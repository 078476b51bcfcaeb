#include "runtime/device/emulator/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/device/device.h"

namespace tilewright::runtime {
namespace {

constexpr int32_t kSeveral = INT32_MAX;
constexpr char kThreadsRace[] = "races with another thread's touch since the last barrier at";
constexpr char kBlocksRace[] = "races with another block's touch at";

// Whether the last touch and one now, of the thread, may come in either order.
const char* Conflict(const TouchLog::LastTouch& last, int32_t thread, const Clock& clock,
                     const std::vector<Phases>& seen) {
  const uint32_t phase = last.phase;
  if (phase == 0 || phase < clock.launch_start) return nullptr;
  if (phase < clock.block_start) {
    const auto holds = [phase](const Phases& one) {
      return one.first <= phase && phase <= one.last;
    };
    return std::any_of(seen.begin(), seen.end(), holds) ? nullptr : kBlocksRace;
  }
  return phase == clock.phase && last.thread != thread ? kThreadsRace : nullptr;
}

}  // namespace

const char* TouchLog::Touch(const MemoryTouch& touch, const Clock& clock,
                            const std::vector<Phases>& seen_phases) {
  const int32_t thread = touch.thread;
  for (int64_t i = touch.at; i < touch.at + touch.bytes; ++i) {
    auto& [write, read] = seen_[static_cast<size_t>(i)];
    const bool both_add = touch.how == kAddTouch && write.thread == kSeveral;
    const char* conflict = both_add ? nullptr : Conflict(write, thread, clock, seen_phases);
    if (conflict == nullptr && touch.how != kReadTouch) {
      conflict = Conflict(read, thread, clock, seen_phases);
    }
    if (conflict != nullptr) return conflict;
    if (touch.how != kReadTouch) {
      // What a thread wrote before it adds is still its own.
      const bool own =
          touch.how == kWriteTouch || (write.phase == clock.phase && write.thread == thread);
      write = {clock.phase, own ? thread : kSeveral};
    } else {
      const bool alone = read.phase != clock.phase || read.thread == thread;
      read = {clock.phase, alone ? thread : kSeveral};
    }
  }
  return nullptr;
}

void Bytes::Free::operator()(char* data) const { std::free(data); }

Bytes::Bytes(size_t bytes) : state_(std::max<size_t>(bytes, 1)), log_(state_.size()) {
  const size_t whole = (state_.size() + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment;
  data_.reset(static_cast<char*>(std::aligned_alloc(kDeviceAlignment, whole)));
  if (data_ == nullptr) throw std::bad_alloc();
  std::memset(data_.get(), 0xff, whole);
}

Memory::Memory(Bytes* of, size_t first_byte, size_t size, int memory_scope)
    : tw_memory{.data = of->data() + first_byte,
                .state = of->state() + first_byte,
                .bytes = static_cast<long long>(size),
                .name = "memory",
                .scope = memory_scope},
      whole(of),
      first(static_cast<int64_t>(first_byte)) {}

}  // namespace tilewright::runtime
