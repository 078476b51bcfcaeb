// The constants of a package, each once: mod.params.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/core/tensor.h"

namespace tilewright {

class ConstantPool {
 public:
  // Every constant lies at a multiple of `alignment`.
  explicit ConstantPool(int64_t alignment) : alignment_(alignment) {}

  // Makes room for those of the constants (empty ones are passed over) that the pool lacks.
  void Reserve(const std::vector<const Tensor*>& constants);
  // The offset of a constant's bytes, which are appended where the pool does not hold the same
  // bytes already; frees the tensor. REQUIRES: not empty.
  int64_t Take(Tensor& constant);

  std::string TakeBytes() { return std::move(bytes_); }

 private:
  struct Place {
    int64_t offset, bytes;
  };

  // The offset of the same bytes; -1 when there are none. `hash` is of them.
  int64_t Find(const Tensor& constant, size_t hash) const;

  const int64_t alignment_;
  std::string bytes_;
  std::unordered_multimap<size_t, Place> places_;  // by hash
};

}  // namespace tilewright
