// What every search strategy promises (tuner/search/searcher.h), run for each in the catalogue:
// a new strategy is covered without a line here.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/contract/landscape.h"
#include "tuner/search/searcher.h"

namespace tilewright {

class SearcherContract : public testing::TestWithParam<SearcherEntry> {
 protected:
  std::unique_ptr<Searcher> Make(const ConfigSpace& space, uint64_t seed = 1) const {
    absl::StatusOr<std::unique_ptr<Searcher>> searcher =
        MakeSearcher(GetParam().name, {.space = space, .seed = seed});
    EXPECT_TRUE(searcher.ok()) << searcher.status().ToString();
    return *std::move(searcher);
  }
};

inline void ObserveOne(Searcher& searcher, const Trial& trial) { searcher.Observe({&trial, 1}); }

inline Trial FailedTrial(const ConfigSpace& space, uint64_t index) {
  return {space.At(index), index, Failure{FailureKind::kCrash, "signal 11"}};
}

// 24 points, 18 of them valid.
inline ConfigSpace TinySpace() {
  ConfigSpace space;
  space.DefineSplit("tile", 8, {});
  space.DefineKnob("unroll", {false, true});
  space.DefineKnob("step", {int64_t{0}, int64_t{16}, int64_t{64}});
  space.AddConstraint("large tiles are not unrolled",
                      [](const Config& c) { return !c.Bool("unroll") || c.Inner("tile") < 4; });
  return space;
}

inline ConfigSpace HugeSpace() {
  ConfigSpace space;
  for (int k = 0; k < 12; ++k) {
    std::vector<OtherEntity> values;
    for (int64_t v = 0; v < 10; ++v) values.push_back(v);
    space.DefineKnob(absl::StrCat("k", k), std::move(values));
  }
  space.AddConstraint("k0 <= k1", [](const Config& c) { return c.Int("k0") <= c.Int("k1"); });
  return space;
}

TEST_P(SearcherContract, TheSameSeedAndObservationsGiveTheSameProposals) {
  const ConfigSpace space = LandscapeSpace();
  const auto a = Make(space, 7), b = Make(space, 7);
  for (int i = 0; i < 60; ++i) {
    const std::vector<uint64_t> proposed = a->Propose(2);
    ASSERT_EQ(proposed, b->Propose(2));
    for (uint64_t index : proposed) {
      ObserveOne(*a, LandscapeTrial(space, index));
      ObserveOne(*b, LandscapeTrial(space, index));
    }
  }
}

TEST_P(SearcherContract, ProposesValidPointsAndNoneTwice) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = Make(space);
  std::set<uint64_t> seen;
  for (int i = 0; i < 75; ++i) {
    for (uint64_t index : searcher->Propose(4)) {
      ASSERT_TRUE(space.IsValid(index)) << index;
      ASSERT_TRUE(seen.insert(index).second) << index;
      ObserveOne(*searcher, LandscapeTrial(space, index));
    }
  }
  EXPECT_EQ(seen.size(), 300u);
}

TEST_P(SearcherContract, ExhaustsASmallSpaceExactly) {
  const ConfigSpace space = TinySpace();
  const auto searcher = Make(space);
  std::set<uint64_t> seen;
  while (true) {
    const std::vector<uint64_t> proposed = searcher->Propose(3);
    if (proposed.empty()) break;
    for (uint64_t index : proposed) {
      ASSERT_TRUE(seen.insert(index).second) << index;
      const double seconds = 1e-3 * (1 + static_cast<double>(index));
      ObserveOne(*searcher, {space.At(index), index, Timing{{seconds}}});
    }
  }
  const std::vector<uint64_t> valid = space.EnumerateValid().value();
  EXPECT_EQ(seen, std::set<uint64_t>(valid.begin(), valid.end()));
  EXPECT_TRUE(searcher->Propose(1).empty());
}

TEST_P(SearcherContract, SurvivesFailuresOnly) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = Make(space);
  std::set<uint64_t> seen;
  for (int i = 0; i < 150; ++i) {
    for (uint64_t index : searcher->Propose(1)) {
      seen.insert(index);
      ObserveOne(*searcher, FailedTrial(space, index));
    }
  }
  EXPECT_EQ(seen.size(), 150u);
}

TEST_P(SearcherContract, TakesResultsInAnyOrderAndMissesSome) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = Make(space);
  std::set<uint64_t> seen;
  std::vector<uint64_t> pending;
  Rng rng(3);
  for (int i = 0; i < 200; ++i) {
    for (uint64_t index : searcher->Propose(1)) {
      ASSERT_TRUE(seen.insert(index).second) << index;
      if (i % 10 != 0) pending.push_back(index);  // every tenth is never answered
    }
    if (pending.size() < 12) continue;
    const size_t pick = rng.Below(pending.size());
    ObserveOne(*searcher, LandscapeTrial(space, pending[pick]));
    pending.erase(pending.begin() + pick);
  }
  EXPECT_EQ(seen.size(), 200u);
}

TEST_P(SearcherContract, ProposesAheadOfAnyResult) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = Make(space);
  const std::vector<uint64_t> proposed = searcher->Propose(100);
  EXPECT_EQ(std::set<uint64_t>(proposed.begin(), proposed.end()).size(), 100u);
}

TEST_P(SearcherContract, HistoryIsNotProposedAgain) {
  const ConfigSpace space = TinySpace();
  const auto searcher = Make(space);
  const std::vector<uint64_t> valid = space.EnumerateValid().value();
  std::set<uint64_t> left(valid.begin(), valid.end());
  for (size_t i = 0; i < valid.size(); i += 2) {
    ObserveOne(*searcher, i % 4 ? FailedTrial(space, valid[i])
                                : Trial{space.At(valid[i]), valid[i], Timing{{1e-3}}});
    left.erase(valid[i]);
  }
  const std::vector<uint64_t> proposed = searcher->Propose(valid.size());
  EXPECT_EQ(std::set<uint64_t>(proposed.begin(), proposed.end()), left);
  EXPECT_EQ(proposed.size(), left.size());
}

TEST_P(SearcherContract, WorksInAHugeConstrainedSpace) {
  const ConfigSpace space = HugeSpace();
  const auto searcher = Make(space);
  std::set<uint64_t> seen;
  for (int i = 0; i < 40; ++i) {
    for (uint64_t index : searcher->Propose(1)) {
      ASSERT_TRUE(space.IsValid(index));
      ASSERT_TRUE(seen.insert(index).second);
      double cost = 1;
      for (uint64_t digit : space.DigitsOf(index)) cost += static_cast<double>(digit);
      ObserveOne(*searcher, {space.At(index), index, Timing{{cost * 1e-3}}});
    }
  }
  EXPECT_EQ(seen.size(), 40u);
}

TEST_P(SearcherContract, ASpaceWithoutValidPointsIsExhausted) {
  ConfigSpace space = TinySpace();
  space.AddConstraint("nothing", [](const Config&) { return false; });
  EXPECT_TRUE(Make(space)->Propose(1).empty());
}

TEST_P(SearcherContract, ASpaceOfOnePointGivesIt) {
  ConfigSpace space;
  space.DefineKnob("only", {int64_t{1}});
  const auto searcher = Make(space);
  EXPECT_EQ(searcher->Propose(2), std::vector<uint64_t>{0});
  ObserveOne(*searcher, {space.At(0), 0, Timing{{1e-3}}});
  EXPECT_TRUE(searcher->Propose(1).empty());
}

TEST_P(SearcherContract, EveryOptionHasAValidDefaultAndASummary) {
  const ConfigSpace space = TinySpace();
  SearchContext context{.space = space};
  for (const SearchOption& option : GetParam().options()) {
    EXPECT_FALSE(option.summary.empty()) << option.name;
    context.options[option.name] = option.default_value;
  }
  const auto searcher = MakeSearcher(GetParam().name, context);
  EXPECT_TRUE(searcher.ok()) << searcher.status().ToString();
}

}  // namespace tilewright
