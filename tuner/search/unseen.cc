#include "tuner/search/unseen.h"

namespace tilewright {
namespace {

constexpr uint64_t kEnumerateAtOnce = 200'000;      // some 50 ms
constexpr uint64_t kEnumerateIfNeeded = 4'000'000;  // when sampling finds nothing more
constexpr int kMaxDraws = 1'000;

}  // namespace

Unseen::Unseen(const ConfigSpace& space) : space_(space) { Enumerate(kEnumerateAtOnce); }

void Unseen::Enumerate(uint64_t limit) {
  absl::StatusOr<std::vector<uint64_t>> valid = space_.EnumerateValid(limit);
  if (!valid.ok()) return;
  enumerated_ = true;
  for (uint64_t index : *valid) {
    if (taken_.contains(index)) continue;
    position_[index] = left_.size();
    left_.push_back(index);
  }
}

bool Unseen::Take(uint64_t index) {
  if (!taken_.insert(index).second) return false;
  if (const auto it = position_.find(index); it != position_.end()) {
    left_[it->second] = left_.back();
    position_[left_.back()] = it->second;
    left_.pop_back();
    position_.erase(index);
  }
  return true;
}

bool Unseen::Has(uint64_t index) const {
  return enumerated_ ? position_.contains(index) : !taken_.contains(index) && space_.IsValid(index);
}

std::optional<uint64_t> Unseen::TakeRandom(Rng& rng) {
  for (int draw = 0; !enumerated_ && draw < kMaxDraws; ++draw) {
    const std::optional<uint64_t> index = space_.Sample(rng);
    if (!index) break;
    if (Take(*index)) return index;
  }
  if (!enumerated_) Enumerate(kEnumerateIfNeeded);
  if (!enumerated_ || left_.empty()) return std::nullopt;
  const uint64_t index = left_[rng.Below(left_.size())];
  Take(index);
  return index;
}

}  // namespace tilewright
