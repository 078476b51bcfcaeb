#include "compiler/driver/constant_pool.h"

#include <functional>
#include <string_view>

namespace tilewright {
namespace {

std::string_view BytesOf(const Tensor& constant) {
  return {static_cast<const char*>(constant.data()), static_cast<size_t>(constant.bytes())};
}

size_t HashOf(const Tensor& constant) { return std::hash<std::string_view>()(BytesOf(constant)); }

int64_t Padded(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

int64_t ConstantPool::Find(const Tensor& constant, size_t hash) const {
  const auto [first, last] = places_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    const auto& [offset, bytes] = at->second;
    const std::string_view held(bytes_.data() + offset, static_cast<size_t>(bytes));
    if (held == BytesOf(constant)) return offset;
  }
  return -1;
}

void ConstantPool::Reserve(const std::vector<const Tensor*>& constants) {
  int64_t more = 0;
  for (const Tensor* constant : constants) {
    if (constant->empty() || Find(*constant, HashOf(*constant)) >= 0) continue;
    more += Padded(constant->bytes(), alignment_);
  }
  const auto held = static_cast<int64_t>(bytes_.size());
  if (more > 0) bytes_.reserve(static_cast<size_t>(Padded(held, alignment_) + more));
}

int64_t ConstantPool::Take(Tensor& constant) {
  const size_t hash = HashOf(constant);
  int64_t offset = Find(constant, hash);
  if (offset < 0) {
    offset = Padded(static_cast<int64_t>(bytes_.size()), alignment_);
    bytes_.resize(static_cast<size_t>(offset));
    bytes_.append(BytesOf(constant));
    places_.emplace(hash, Place{offset, constant.bytes()});
  }
  constant = Tensor();
  return offset;
}

}  // namespace tilewright
