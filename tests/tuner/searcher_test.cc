#include "tuner/search/searcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/searcher_contract.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Catalogue, SearcherContract, testing::ValuesIn(Searchers()),
                         [](const auto& entry) { return entry.param.name; });

std::string ErrorOf(std::string_view name, std::map<std::string, std::string> options) {
  const ConfigSpace space = TinySpace();
  return std::string(
      MakeSearcher(name, {.space = space, .options = std::move(options)}).status().message());
}

TEST(Searchers, AnUnknownStrategyListsTheKnown) {
  EXPECT_THAT(ErrorOf("gaa", {}), HasSubstr("unknown strategy gaa; known: ga, "));
}

TEST(Searchers, AnUnknownOptionListsTheKnown) {
  EXPECT_THAT(ErrorOf("ga", {{"popsize", "10"}}), HasSubstr("known: pop_size, elite_num"));
}

TEST(Searchers, AValueOutsideTheOptionsRangeIsRefused) {
  EXPECT_THAT(ErrorOf("ga", {{"mutation_prob", "1.5"}}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(ErrorOf("ga", {{"pop_size", "many"}}), HasSubstr("allowed: a number"));
  EXPECT_THAT(ErrorOf("xgb", {{"loss_type", "hinge"}}), HasSubstr("allowed: rank, reg"));
}

TEST(Grid, GoesInIndexOrder) {
  const ConfigSpace space = TinySpace();
  const auto searcher = MakeSearcher("grid", {.space = space});
  EXPECT_EQ((*searcher)->Propose(7), (std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 8}));
}

// Median over seeds of the trials to 95 % of the optimum of the synthetic landscape.
size_t TrialsToNearBest(const std::string& name, std::map<std::string, std::string> options = {}) {
  const ConfigSpace space = LandscapeSpace();
  double optimum = 1;
  const std::vector<uint64_t> valid = space.EnumerateValid().value();
  for (uint64_t index : valid) {
    const auto seconds = MedianSeconds(LandscapeTrial(space, index).outcome);
    if (seconds) optimum = std::min(optimum, *seconds);
  }
  std::vector<size_t> trials;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const auto searcher = MakeSearcher(name, {.space = space, .seed = seed, .options = options});
    double best = 1;
    size_t count = 0;
    while (best > optimum / 0.95) {
      const std::vector<uint64_t> proposed = (*searcher)->Propose(1);
      const Trial trial = LandscapeTrial(space, proposed.at(0));
      best = std::min(best, MedianSeconds(trial.outcome).value_or(1));
      ObserveOne(**searcher, trial);
      ++count;
    }
    trials.push_back(count);
  }
  std::sort(trials.begin(), trials.end());
  return trials[trials.size() / 2];
}

TEST(Xgb, NeedsFewerTrialsThanRandomAndGenetic) {
  const size_t xgb = TrialsToNearBest("xgb");
  EXPECT_LT(xgb, TrialsToNearBest("ga"));
  EXPECT_LT(2 * xgb, TrialsToNearBest("random"));
}

TEST(Gp, NeedsFewerTrialsThanRandomAndGenetic) {
  const size_t gp = TrialsToNearBest("gp");
  EXPECT_LT(gp, TrialsToNearBest("ga"));
  EXPECT_LT(2 * gp, TrialsToNearBest("random"));
}

TEST(Xgb, AnnealingFindsWhatWholeRankingFinds) {
  EXPECT_LT(TrialsToNearBest("xgb", {{"optimizer", "sa"}, {"n_iter", "100"}}),
            TrialsToNearBest("random"));
}

}  // namespace
}  // namespace tilewright
