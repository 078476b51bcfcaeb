#include "worker/runner/guarded_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tilewright {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kGuard = size_t{64} << 10;  // steps over less are noticed; pages have at most that
constexpr size_t kPattern = size_t{64} << 10;  // of it on either side; a step beyond meets a guard

size_t RoundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

// By address, so that it is in phase wherever a slack begins: 0xffe5 is a NaN as float16, bfloat16
// and, twice, as float32.
char PatternAt(const char* address) {
  return static_cast<char>(reinterpret_cast<uintptr_t>(address) % 2 ? 0xff : 0xe5);
}

void Fill(char* begin, char* end) {
  for (char* p = begin; p < end; ++p) *p = PatternAt(p);
}

bool IsIntact(const char* p) { return *p == PatternAt(p); }

}  // namespace

std::optional<GuardedMemory> GuardedMemory::Make(int64_t bytes) {
  GuardedMemory memory;
  memory.bytes_ = static_cast<size_t>(bytes);
  memory.aligned_ = std::max(RoundUp(memory.bytes_, kAlignment), kAlignment);
  const bool huge = memory.bytes_ >= kHugePage;
  const size_t unit = huge ? kHugePage : static_cast<size_t>(sysconf(_SC_PAGESIZE));
  memory.room_ = RoundUp(memory.aligned_, unit);
  memory.mapped_bytes_ = memory.room_ + 2 * kGuard + (huge ? kHugePage : 0);
  void* mapped = mmap(nullptr, memory.mapped_bytes_, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return std::nullopt;
  memory.mapped_ = static_cast<char*>(mapped);
  const uintptr_t first = reinterpret_cast<uintptr_t>(mapped) + kGuard;
  memory.begin_ = memory.mapped_ + (RoundUp(first, unit) - reinterpret_cast<uintptr_t>(mapped));
  if (mprotect(memory.begin_, memory.room_, PROT_READ | PROT_WRITE) != 0) return std::nullopt;
  if (huge) madvise(memory.begin_, memory.room_, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE  // all pages now, and not one by one while the kernel has its turn
  madvise(memory.begin_, memory.room_, MADV_POPULATE_WRITE);
#endif
  memory.PlaceAt(Place::kEnd);
  return memory;
}

GuardedMemory::GuardedMemory(GuardedMemory&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_bytes_(other.mapped_bytes_),
      begin_(other.begin_),
      room_(other.room_),
      bytes_(other.bytes_),
      aligned_(other.aligned_),
      data_(other.data_) {}

GuardedMemory::~GuardedMemory() {
  if (mapped_) munmap(mapped_, mapped_bytes_);
}

void* GuardedMemory::PlaceAt(Place place) {
  data_ = place == Place::kBegin ? begin_ : begin_ + (room_ - aligned_);
  char* const end = data_ + bytes_;
  Fill(data_ - std::min<size_t>(kPattern, data_ - begin_), data_);
  Fill(end, end + std::min<size_t>(kPattern, begin_ + room_ - end));
  return data_;
}

std::string GuardedMemory::Damage() const {
  const char* const end = data_ + bytes_;
  const char* const last = end + std::min<size_t>(kPattern, begin_ + room_ - end);
  for (const char* p = end; p < last; ++p) {
    if (!IsIntact(p)) return "behind the end of";
  }
  const char* const first = data_ - std::min<size_t>(kPattern, data_ - begin_);
  for (const char* p = first; p < data_; ++p) {
    if (!IsIntact(p)) return "before the begin of";
  }
  return "";
}

}  // namespace tilewright
