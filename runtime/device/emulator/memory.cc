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

// Whether a touch in `phase` by `thread` and one now may come in either order.
const char* Conflict(uint32_t phase, int32_t by, int32_t thread, const Clock& clock,
                     const std::vector<Phases>& seen) {
  if (phase == 0 || phase < clock.launch_start) return nullptr;
  if (phase < clock.block_start) {
    const auto holds = [phase](const Phases& one) {
      return one.first <= phase && phase <= one.last;
    };
    return std::any_of(seen.begin(), seen.end(), holds) ? nullptr : kBlocksRace;
  }
  return phase == clock.phase && by != thread ? kThreadsRace : nullptr;
}

}  // namespace

const char* TouchLog::Touch(int64_t at, int64_t bytes, int how, int32_t thread, const Clock& clock,
                            const std::vector<Phases>& seen_phases) {
  for (int64_t i = at; i < at + bytes; ++i) {
    Seen& seen = seen_[static_cast<size_t>(i)];
    const bool both_add = how == kAddTouch && seen.writer == kSeveral;
    const char* conflict =
        both_add ? nullptr : Conflict(seen.written, seen.writer, thread, clock, seen_phases);
    if (conflict == nullptr && how != kReadTouch) {
      conflict = Conflict(seen.read, seen.reader, thread, clock, seen_phases);
    }
    if (conflict != nullptr) return conflict;
    if (how != kReadTouch) {
      // What a thread wrote before it adds is still its own.
      const bool own = how == kAddTouch && seen.written == clock.phase && seen.writer == thread;
      seen.written = clock.phase;
      seen.writer = how == kWriteTouch || own ? thread : kSeveral;
    } else {
      seen.reader = seen.read != clock.phase || seen.reader == thread ? thread : kSeveral;
      seen.read = clock.phase;
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
