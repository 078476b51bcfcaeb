#include "tuner/search/diversity.h"

#include <set>
#include <utility>

namespace tilewright {

std::vector<uint64_t> PickDiverse(const ConfigSpace& space, std::vector<uint64_t> ranked,
                                  size_t count) {
  std::set<std::pair<size_t, uint64_t>> covered;  // knob, digit
  auto gain = [&](uint64_t index) {
    int fresh = 0;
    for (size_t k = 0; k < space.knob_count(); ++k) {
      fresh += !covered.contains({k, space.DigitOf(index, k)});
    }
    return fresh;
  };
  std::vector<uint64_t> picked;
  while (picked.size() < count && !ranked.empty()) {
    size_t best = 0;
    for (size_t i = 1; i < ranked.size(); ++i) {
      if (gain(ranked[i]) > gain(ranked[best])) best = i;
    }
    const uint64_t index = ranked[best];
    for (size_t k = 0; k < space.knob_count(); ++k) covered.insert({k, space.DigitOf(index, k)});
    picked.push_back(index);
    ranked.erase(ranked.begin() + best);
  }
  return picked;
}

}  // namespace tilewright
