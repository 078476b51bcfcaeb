#include "tuner/search/annealer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/contract/landscape.h"
#include "tuner/search/diversity.h"

namespace tilewright {
namespace {

// The model is the digit sum: known optimum, no ties at the top.
std::vector<float> DigitSums(const ConfigSpace& space, std::span<const uint64_t> points) {
  std::vector<float> scores;
  for (uint64_t index : points) {
    float sum = 0;
    for (uint64_t digit : space.DigitsOf(index)) sum += static_cast<float>(digit);
    scores.push_back(sum);
  }
  return scores;
}

TEST(Annealer, FindsTheBestOfALargeSpaceBestFirst) {
  ConfigSpace space;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    space.DefineKnob(name, {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}});
  }
  Annealer annealer(space, {.parallel_size = 64, .n_iter = 400, .early_stop = 400});
  Rng rng(1);
  auto score = [&](std::span<const uint64_t> points) { return DigitSums(space, points); };
  const std::vector<uint64_t> best = annealer.Best(5, score, [](uint64_t) { return true; }, rng);
  ASSERT_EQ(best.size(), 5u);
  EXPECT_EQ(best[0], space.size() - 1);
  const std::vector<float> scores = DigitSums(space, best);
  EXPECT_TRUE(std::is_sorted(scores.rbegin(), scores.rend()));
}

TEST(Annealer, ReturnsOnlyWantedAndValidPoints) {
  const ConfigSpace space = LandscapeSpace();
  Annealer annealer(space, {.parallel_size = 32, .n_iter = 50});
  Rng rng(1);
  auto score = [&](std::span<const uint64_t> points) { return DigitSums(space, points); };
  const std::vector<uint64_t> best =
      annealer.Best(20, score, [](uint64_t index) { return index % 2 == 0; }, rng);
  EXPECT_EQ(std::set<uint64_t>(best.begin(), best.end()).size(), 20u);
  for (uint64_t index : best) {
    EXPECT_TRUE(space.IsValid(index));
    EXPECT_EQ(index % 2, 0u);
  }
}

TEST(PickDiverse, PrefersKnobValuesNotYetCovered) {
  ConfigSpace space;
  space.DefineKnob("a", {int64_t{0}, int64_t{1}});
  space.DefineKnob("b", {int64_t{0}, int64_t{1}});
  // 0 = (0,0), 1 = (1,0), 3 = (1,1): after 0, only 3 brings two new values.
  EXPECT_EQ(PickDiverse(space, {0, 1, 3}, 2), (std::vector<uint64_t>{0, 3}));
  EXPECT_EQ(PickDiverse(space, {0, 1}, 5).size(), 2u);
}

}  // namespace
}  // namespace tilewright
