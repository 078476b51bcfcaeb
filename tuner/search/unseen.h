// The valid points of a space that were neither proposed nor observed: what keeps a strategy from
// proposing twice. Small spaces are enumerated, so that they can be exhausted exactly; huge ones
// are sampled. Not thread-safe.
#pragma once

#include <optional>
#include <unordered_set>
#include <vector>

#include "compiler/schedule/config_space.h"

namespace tilewright {

class Unseen {
 public:
  // `space` outlives this.
  explicit Unseen(const ConfigSpace& space);

  // Marks a point; false when it was marked before. Invalid points may be marked.
  bool Take(uint64_t index);
  // Valid and not marked.
  bool Has(uint64_t index) const;
  size_t TakenCount() const { return taken_count_; }
  // Marks and returns a uniform unseen point; nullopt when none is left, or none was found in a
  // space too large to enumerate.
  std::optional<uint64_t> TakeRandom(Rng& rng);

  // Every unseen point of an enumerated space, in no particular but a deterministic order;
  // nullptr when the space is too large.
  const std::vector<uint64_t>* All() const { return enumerated_ ? &left_ : nullptr; }

 private:
  void Enumerate(uint64_t limit);
  std::optional<size_t> RankOf(uint64_t index) const;

  // A job has hundreds of these, of thousands of points each: arrays, not tables of nodes.
  const ConfigSpace& space_;
  bool enumerated_ = false;
  std::vector<uint64_t> valid_;     // of an enumerated space, ascending
  std::vector<uint32_t> position_;  // of each of them in left_, or kTaken
  std::vector<uint64_t> left_;
  std::unordered_set<uint64_t> taken_;  // others
  size_t taken_count_ = 0;
};

}  // namespace tilewright
