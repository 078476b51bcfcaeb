#include "tuner/search/annealer.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_set>

namespace tilewright {
namespace {

constexpr int kMoveTries = 8;

// The best `capacity` points seen, without repeats; ties go to the lower index.
class Top {
 public:
  explicit Top(size_t capacity) : capacity_(capacity) {}

  // Whether the point was taken in.
  bool Offer(uint64_t index, float score) {
    if (best_.size() == capacity_ && score <= -best_.rbegin()->first) return false;
    if (!members_.insert(index).second) return false;
    best_.insert({-score, index});
    if (best_.size() <= capacity_) return true;
    members_.erase(std::prev(best_.end())->second);
    best_.erase(std::prev(best_.end()));
    return true;
  }

  std::vector<uint64_t> Sorted() const {
    std::vector<uint64_t> indices;
    for (const auto& [negated, index] : best_) indices.push_back(index);
    return indices;
  }

 private:
  const size_t capacity_;
  std::set<std::pair<float, uint64_t>> best_;  // best first
  std::unordered_set<uint64_t> members_;
};

}  // namespace

void Annealer::Refill(Rng& rng) {
  while (chains_.size() < options_.parallel_size) {
    const std::optional<uint64_t> index = space_.Sample(rng);
    if (!index) return;
    chains_.push_back(*index);
  }
}

uint64_t Annealer::Move(uint64_t index, Rng& rng) const {
  for (int i = 0; i < kMoveTries; ++i) {
    const size_t knob = rng.Below(space_.knob_count());
    const uint64_t next = space_.WithDigit(index, knob, rng.Below(space_.CandidatesOf(knob)));
    if (next != index && space_.IsValid(next)) return next;
  }
  return index;
}

std::vector<uint64_t> Annealer::Best(size_t count, const Scorer& score, const Filter& wanted,
                                     Rng& rng) {
  Refill(rng);
  Top top(count);
  std::vector<float> scores = score(chains_);
  for (size_t c = 0; c < chains_.size(); ++c) {
    if (wanted(chains_[c])) top.Offer(chains_[c], scores[c]);
  }
  int last_change = 0;
  for (int i = 0; i < options_.n_iter && i - last_change < options_.early_stop; ++i) {
    const double t = options_.temperature * (1 - static_cast<double>(i) / options_.n_iter);
    std::vector<uint64_t> moved = chains_;
    for (uint64_t& index : moved) index = Move(index, rng);
    const std::vector<float> moved_scores = score(moved);
    for (size_t c = 0; c < chains_.size(); ++c) {
      if (wanted(moved[c]) && top.Offer(moved[c], moved_scores[c])) last_change = i;
      const double gain = moved_scores[c] - scores[c];
      if (rng.Unit() >= std::exp(std::min(gain / (t + 1e-5), 1.0))) continue;
      chains_[c] = moved[c];
      scores[c] = moved_scores[c];
    }
  }
  return top.Sorted();
}

}  // namespace tilewright
