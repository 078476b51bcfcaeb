// Memory of one operand with pages before and behind it that nobody may touch: a kernel that reads
// or writes beyond the operand dies of it, or leaves a trace. Depends on libc only.
//
// An operand is aligned to 64 bytes and lies in huge pages where it is as large as one, both as in
// a package (runtime/arena.h). So it cannot touch the guards at both ends: it is placed at the end,
// and for another run at the begin. What is left between it and the guard is filled with a pattern,
// in which every number is a NaN or -1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tilewright {

class GuardedMemory {
 public:
  enum class Place { kBegin, kEnd };

  // nullopt: there is not enough memory. REQUIRES: bytes >= 0.
  static std::optional<GuardedMemory> Make(int64_t bytes);
  GuardedMemory(GuardedMemory&& other) noexcept;
  GuardedMemory& operator=(GuardedMemory&&) = delete;
  ~GuardedMemory();

  // Where the operand lies from now on. Its contents are lost, and the pattern is around it.
  void* PlaceAt(Place place);
  // Whether the two places differ; else both ends touch their guards at once.
  bool moves() const { return room_ > aligned_; }
  // Empty, or where beside the operand something was written: "behind the end of".
  std::string Damage() const;

 private:
  GuardedMemory() = default;

  char* mapped_ = nullptr;  // with the guards
  size_t mapped_bytes_ = 0;
  char* begin_ = nullptr;  // of what may be touched, `room_` bytes
  size_t room_ = 0, bytes_ = 0, aligned_ = 0;
  char* data_ = nullptr;  // the operand
};

}  // namespace tilewright
