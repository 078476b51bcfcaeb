// Proposals one by one. Private to the folder.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tilewright {

// Up to `count` points of `next`, which gives nullopt when the space is exhausted.
template <typename Next>
std::vector<uint64_t> ProposeOneByOne(size_t count, Next next) {
  std::vector<uint64_t> proposals;
  while (proposals.size() < count) {
    const std::optional<uint64_t> index = next();
    if (!index) break;
    proposals.push_back(*index);
  }
  return proposals;
}

}  // namespace tilewright
