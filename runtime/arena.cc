#include "runtime/arena.h"

#include <sys/mman.h>

#include <cstdint>
#include <string>
#include <utility>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// Moves the start of a mapping up to a huge page's boundary and gives the rest back.
char* Trim(char* start, size_t mapped, size_t wanted) {
  const auto address = reinterpret_cast<uintptr_t>(start);
  const size_t head = (kHugePage - address % kHugePage) % kHugePage;
  if (head > 0) munmap(start, head);
  const size_t tail = mapped - head - wanted;
  if (tail > 0) munmap(start + head + wanted, tail);
  return start + head;
}

}  // namespace

Arena::Arena(size_t bytes) : size_(bytes) {
  constexpr size_t kLimit = size_t{1} << 46;
  const size_t unit = bytes < kHugePage ? 4096 : kHugePage;
  mapped_ = (bytes / unit + 1) * unit;
  const size_t request = mapped_ + (unit == kHugePage ? kHugePage : 0);
  void* start = bytes > kLimit ? MAP_FAILED
                               : mmap(nullptr, request, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) {
    throw Error(TW_INTERNAL, "no memory for " + std::to_string(bytes) + " bytes of buffers");
  }
  data_ = static_cast<char*>(start);
  if (unit == kHugePage) {
    data_ = Trim(data_, request, mapped_);
    madvise(data_, mapped_, MADV_HUGEPAGE);  // advice: fine without
  }
}

Arena::~Arena() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

}  // namespace tilewright::runtime
