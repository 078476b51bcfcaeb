// The valid points of a space that were neither proposed nor observed: what keeps a strategy from
// proposing twice. Small spaces are enumerated, so that they can be exhausted exactly; huge ones
// are sampled. Not thread-safe.
#pragma once

#include <optional>
#include <unordered_map>
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
  size_t TakenCount() const { return taken_.size(); }
  // Marks and returns a uniform unseen point; nullopt when none is left, or none was found in a
  // space too large to enumerate.
  std::optional<uint64_t> TakeRandom(Rng& rng);

  // Every unseen point of an enumerated space, in no particular but a deterministic order;
  // nullptr when the space is too large.
  const std::vector<uint64_t>* All() const { return enumerated_ ? &left_ : nullptr; }

 private:
  void Enumerate(uint64_t limit);

  const ConfigSpace& space_;
  std::unordered_set<uint64_t> taken_;
  bool enumerated_ = false;
  std::vector<uint64_t> left_;
  std::unordered_map<uint64_t, size_t> position_;  // in left_
};

}  // namespace tilewright
