// What runs of whole networks decide, on networks whose times are made up.
#include "tuner/loop/in_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/tuner/work_clock.h"

namespace tilewright {
namespace {

using testing::Each;
using testing::ElementsAre;

// A layer takes seconds[layer][option]; `whole` may change what the sum of them comes to. Runs are
// `scatter` slower and faster in turn.
class MadeUpNetwork final : public SteppedNetworkTimer {
 public:
  MadeUpNetwork(WorkClock& clock, std::vector<std::vector<double>> seconds)
      : clock_(clock), seconds_(std::move(seconds)) {}

  absl::StatusOr<int> Load(const NetworkOptions& options) override {
    clock_.now += load_seconds;
    if (crash_at == static_cast<int>(loaded.size())) return absl::UnavailableError("crashed");
    loaded.push_back(options);
    return static_cast<int>(loaded.size()) - 1;
  }
  absl::StatusOr<NetworkRun> Run(int network) override {
    const NetworkOptions& options = loaded[static_cast<size_t>(network)];
    const double factor = 1 + scatter * static_cast<double>(runs_++ * 7 % 11) / 10;
    NetworkRun run;
    for (size_t layer = 0; layer < options.size(); ++layer) {
      run.layers.push_back(factor * seconds_[layer][static_cast<size_t>(options[layer])]);
      run.seconds += run.layers.back();
    }
    if (whole) run.seconds = whole(options, run.seconds);
    clock_.now += run.seconds;
    return run;
  }

  std::function<double(const NetworkOptions&, double)> whole;
  double scatter = 0, load_seconds = 1;
  int crash_at = -1;
  std::vector<NetworkOptions> loaded;

 private:
  WorkClock& clock_;
  const std::vector<std::vector<double>> seconds_;
  size_t runs_ = 0;
};

struct Fixture {
  absl::StatusOr<NetworkDecision> Decide(std::vector<std::vector<double>> seconds,
                                         const std::function<void(MadeUpNetwork&)>& change = {}) {
    NetworkQuestion question{
        .load_seconds = load_seconds, .deadline = deadline, .stop = stop.get_token()};
    for (const auto& options : seconds) {
      question.option_counts.push_back(static_cast<int>(options.size()));
    }
    MadeUpNetwork network(clock, std::move(seconds));
    if (change) change(network);
    absl::StatusOr<NetworkDecision> decision = DecideInNetwork(question, network, clock);
    loaded = network.loaded;
    return decision;
  }

  WorkClock clock;
  double deadline = 60, load_seconds = 0;
  std::stop_source stop;
  std::vector<NetworkOptions> loaded;
};

TEST(InNetwork, MixesTheBestOfEachLayer) {
  Fixture fixture;
  const auto decision = fixture.Decide({{0.010, 0.020, 0.008}, {0.010, 0.007}, {0.010, 0.012}});
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_THAT(decision->options, ElementsAre(2, 1, 0));
  EXPECT_EQ(decision->defaults.size(), decision->decided.size());
  EXPECT_LT(decision->decided[0].seconds, decision->defaults[0].seconds);
}

TEST(InNetwork, KeepsTheDefaultWhereTheGainIsWithinNoise) {
  Fixture fixture;
  const auto decision = fixture.Decide({{0.010, 0.0099}, {0.010, 0.0101}},
                                       [](MadeUpNetwork& network) { network.scatter = 0.2; });
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_THAT(decision->options, Each(0));
}

// Both layers are faster by themselves, and the network that has both is slower than the default.
TEST(InNetwork, TheWholeNetworkHasTheLastWord) {
  Fixture fixture;
  const auto decision =
      fixture.Decide({{0.010, 0.009, 0.012}, {0.010, 0.012, 0.009}}, [](MadeUpNetwork& network) {
        network.whole = [](const NetworkOptions& options, double sum) {
          return options == NetworkOptions{1, 2} ? 2 * sum : sum;
        };
      });
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_THAT(decision->options, Each(0));
}

TEST(InNetwork, WhatLookUpsGiveWinsWhereTheMixDoesNot) {
  Fixture fixture;
  const auto decision =
      fixture.Decide({{0.010, 0.009, 0.008}, {0.010, 0.009, 0.012}}, [](MadeUpNetwork& network) {
        network.whole = [](const NetworkOptions& options, double sum) {
          return options == NetworkOptions{2, 1} ? 2 * sum : sum;
        };
      });
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_THAT(decision->options, ElementsAre(1, 1));
}

TEST(InNetwork, LittleTimeLeavesOutTheLesserOptions) {
  Fixture fixture;
  fixture.deadline = 12;
  const auto decision = fixture.Decide({{0.010, 0.009, 0.008, 0.007}, {0.010, 0.011, 0.011, 0.011}},
                                       [](MadeUpNetwork& network) { network.load_seconds = 2; });
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_THAT(decision->options, ElementsAre(1, 0));
  EXPECT_LE(fixture.clock.now, fixture.deadline + 0.1);
}

TEST(InNetwork, NoTimeIsNoDecision) {
  Fixture fixture;
  fixture.deadline = 1.5;
  const auto decision = fixture.Decide({{0.010, 0.009}});
  EXPECT_TRUE(absl::IsDeadlineExceeded(decision.status())) << decision.status();
  EXPECT_LE(fixture.clock.now, 2.5);
}

TEST(InNetwork, WhatWouldTakeTooLongToLoadIsNotBegun) {
  Fixture fixture;
  fixture.load_seconds = 100;
  const auto decision = fixture.Decide({{0.010, 0.009}});
  EXPECT_TRUE(absl::IsDeadlineExceeded(decision.status())) << decision.status();
  EXPECT_EQ(fixture.clock.now, 0);
}

TEST(InNetwork, ACrashIsNoDecision) {
  Fixture fixture;
  const auto decision =
      fixture.Decide({{0.010, 0.009}}, [](MadeUpNetwork& network) { network.crash_at = 1; });
  EXPECT_TRUE(absl::IsUnavailable(decision.status())) << decision.status();
}

TEST(InNetwork, StoppingIsNoDecision) {
  Fixture fixture;
  fixture.stop.request_stop();
  const auto decision = fixture.Decide({{0.010, 0.009}});
  EXPECT_TRUE(absl::IsCancelled(decision.status())) << decision.status();
  EXPECT_TRUE(fixture.loaded.empty());
}

}  // namespace
}  // namespace tilewright
