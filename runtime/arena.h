// One zeroed, 64-byte aligned block of memory; in huge pages where the system has them, because
// the kernels walk over all of it in every run.
#pragma once

#include <cstddef>

namespace tilewright::runtime {

class Arena {
 public:
  Arena() = default;
  // Throws Error(INTERNAL) naming the size when there is no memory.
  explicit Arena(size_t bytes);
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;
};

}  // namespace tilewright::runtime
