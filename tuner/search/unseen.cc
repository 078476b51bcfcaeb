#include "tuner/search/unseen.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tilewright {
namespace {

constexpr uint64_t kEnumerateAtOnce = 200'000;      // some 50 ms
constexpr uint64_t kEnumerateIfNeeded = 4'000'000;  // when sampling finds nothing more
constexpr int kMaxDraws = 1'000;

constexpr uint32_t kTaken = std::numeric_limits<uint32_t>::max();  // for a position

}  // namespace

Unseen::Unseen(const ConfigSpace& space) : space_(space) { Enumerate(kEnumerateAtOnce); }

void Unseen::Enumerate(uint64_t limit) {
  absl::StatusOr<std::vector<uint64_t>> valid = space_.EnumerateValid(limit);
  if (!valid.ok()) return;
  enumerated_ = true;
  valid_ = *std::move(valid);
  left_.reserve(valid_.size());
  for (const uint64_t index : valid_) {
    const bool taken = taken_.contains(index);
    position_.push_back(taken ? kTaken : static_cast<uint32_t>(left_.size()));
    if (!taken) left_.push_back(index);
  }
}

std::optional<size_t> Unseen::RankOf(uint64_t index) const {
  const auto it = std::lower_bound(valid_.begin(), valid_.end(), index);
  if (it == valid_.end() || *it != index) return std::nullopt;
  return static_cast<size_t>(it - valid_.begin());
}

bool Unseen::Take(uint64_t index) {
  const std::optional<size_t> rank = RankOf(index);
  const bool fresh = rank ? position_[*rank] != kTaken : taken_.insert(index).second;
  if (!fresh) return false;
  ++taken_count_;
  if (!rank) return true;
  const uint32_t position = std::exchange(position_[*rank], kTaken);
  if (left_.back() != index) {
    left_[position] = left_.back();
    position_[*RankOf(left_.back())] = position;
  }
  left_.pop_back();
  return true;
}

bool Unseen::Has(uint64_t index) const {
  if (!enumerated_) return !taken_.contains(index) && space_.IsValid(index);
  const std::optional<size_t> rank = RankOf(index);
  return rank && position_[*rank] != kTaken;
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
