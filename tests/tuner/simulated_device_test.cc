#include "tuner/replay/simulated_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_split.h"
#include "compiler/operators/workload_rules.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kSpace[] = TILEWRIGHT_SOURCE_DIR "/tests/data/spaces/conv2d_3x3_256_14.json";

Task RecordedTask(const RecordedSpace& recorded) {
  const std::vector<std::string> parts = absl::StrSplit(recorded.name, absl::MaxSplits('|', 2));
  return {.workload = ParseWorkload(parts[2]).value(),
          .template_name = parts[0],
          .target = ParseTarget(parts[1]).value()};
}

Config Tiles(int64_t tile) { return {{{"tile", SplitEntity{{-1, tile}}}, {"vec", true}}}; }

TEST(SimulatedDevice, AnswersWhatWasRecordedOfItsTaskAndNothingElse) {
  const SimulatedDevice device = SimulatedDevice::Open(kSpace).value();
  const RecordedSpace recorded = LoadRecordedSpace(kSpace).value();
  Task task = RecordedTask(recorded);
  EXPECT_EQ(device.target(), task.target);
  const std::vector<uint64_t> valid = recorded.space.EnumerateValid().value();
  for (const uint64_t index : valid) {
    EXPECT_EQ(device.Measure(task, 1, recorded.space.At(index)), recorded.outcomes->at(index));
  }
  const Outcome unknown = device.Measure(task, 1, Tiles(2));
  EXPECT_EQ(std::get<Failure>(unknown).kind, FailureKind::kInstantiation);
  const Config config = recorded.space.At(recorded.outcomes->begin()->first);
  task.target = ParseTarget("cpu -mcpu=haswell").value();
  EXPECT_THAT(std::get<Failure>(device.Measure(task, 1, config)).message, HasSubstr("znver5"));
}

TEST(SimulatedDevice, SyntheticTimesFollowFromTheSeedTheTaskAndTheConfig) {
  const SimulatedDevice seven = SimulatedDevice::Open("synthetic:7").value();
  const SimulatedDevice same = SimulatedDevice::Open("synthetic:7").value();
  const SimulatedDevice eight = SimulatedDevice::Open("synthetic:8").value();
  EXPECT_EQ(seven.target(), std::nullopt);
  Task task = RecordedTask(LoadRecordedSpace(kSpace).value());
  std::set<double> medians;
  size_t failed = 0, differing = 0;
  constexpr double kFlops = 1e9;
  for (int64_t tile = 1; tile <= 1000; ++tile) {
    const Outcome outcome = seven.Measure(task, kFlops, Tiles(tile));
    EXPECT_EQ(outcome, same.Measure(task, kFlops, Tiles(tile)));
    differing += outcome != eight.Measure(task, kFlops, Tiles(tile));
    const std::optional<double> median = MedianSeconds(outcome);
    failed += !median;
    if (!median) continue;
    EXPECT_GE(*median, kFlops / 8e10);
    EXPECT_LE(*median, 1.02 * 2.2 * 2.2 * (kFlops / 1e10 + 2e-6));
    medians.insert(*median);
  }
  EXPECT_GT(failed, 10u);
  EXPECT_LT(failed, 60u);
  EXPECT_GT(differing, 900u);
  EXPECT_THAT(medians, SizeIs(1000 - failed));
  EXPECT_GT(*medians.rbegin(), 1.5 * *medians.begin()) << "there is something to search for";
}

TEST(SimulatedDevice, WhatIsNoSpaceIsRefusedWithTheReason) {
  const auto why = [](const std::string& space) {
    return std::string(SimulatedDevice::Open(space).status().message());
  };
  EXPECT_THAT(why("synthetic:"), HasSubstr("synthetic:7"));
  EXPECT_THAT(why("synthetic:-1"), HasSubstr("no seed"));
  EXPECT_THAT(why("/nonexistent/space.json"), HasSubstr("/nonexistent/space.json"));
}

}  // namespace
}  // namespace tilewright
