#include "compiler/templates/support/space.h"

namespace tilewright {

std::vector<int64_t> Divisors(int64_t extent, int64_t limit) {
  std::vector<int64_t> divisors;
  for (int64_t d = 1; d <= extent && d <= limit; ++d) {
    if (extent % d == 0) divisors.push_back(d);
  }
  return divisors;
}

std::vector<int64_t> UpTo(int64_t extent, std::initializer_list<int64_t> values) {
  std::vector<int64_t> candidates;
  for (int64_t value : values) {
    if (value <= extent) candidates.push_back(value);
  }
  return candidates;
}

void DefineIntKnob(ConfigSpace& space, std::string name, const std::vector<int64_t>& candidates) {
  space.DefineKnob(std::move(name), {candidates.begin(), candidates.end()});
}

Entity InnerSplit(int64_t inner) { return SplitEntity{{-1, inner}}; }

Entity Scalar(int64_t value) { return OtherEntity{value}; }

Entity Flag(bool value) { return OtherEntity{value}; }

}  // namespace tilewright
