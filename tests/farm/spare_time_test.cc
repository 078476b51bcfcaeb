// Runs that go on sampling while nothing else is there to be run, in real runner processes.
#include "worker/process/spare_time.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "tests/farm/run_kernel_fixture.h"

namespace tilewright {
namespace {

using ::testing::SizeIs;

class SpareTimeTest : public RunKernelTest {};

TEST_F(SpareTimeTest, TimeToSpareGivesMoreSamplesOfWhichQuantilesAreKept) {
  spec_.min_samples = 1;
  spec_.max_samples = 5;
  spec_.sampling_seconds = 0;
  spec_.spare_seconds = 0.2;
  spec_.library = Library("");
  SpareTime spare;
  const Outcome outcome = RunKernel(kRunner, spec_, 10, nullptr, nullptr, &spare).value();
  const auto& seconds = std::get<Timing>(outcome).seconds;
  EXPECT_THAT(seconds, SizeIs(5));
  EXPECT_TRUE(std::is_sorted(seconds.begin(), seconds.end()));
}

TEST_F(SpareTimeTest, TimeToSpareIsAlsoForWhatWouldHaveBeenDropped) {
  spec_.min_samples = spec_.max_samples = 2;
  spec_.drop_seconds = 1e-6;
  spec_.spare_seconds = 0.5;
  spec_.library = Library("  usleep(1000);\n");
  SpareTime spare;
  const Outcome outcome = RunKernel(kRunner, spec_, 10, nullptr, nullptr, &spare).value();
  EXPECT_THAT(std::get<Timing>(outcome).seconds, SizeIs(2));
}

TEST_F(SpareTimeTest, TimeToSpareEndsWhenItIsToldTo) {
  spec_.min_samples = 1;
  spec_.sampling_seconds = 0;
  spec_.spare_seconds = 1000;
  spec_.library = Library("");
  for (const bool before : {false, true}) {
    SpareTime spare;
    if (before) spare.End();
    std::thread teller([&] { spare.End(); });
    const Outcome outcome = RunKernel(kRunner, spec_, 100, nullptr, nullptr, &spare).value();
    teller.join();
    EXPECT_TRUE(MedianSeconds(outcome));
  }
}

TEST_F(SpareTimeTest, WithoutAnyoneToEndItThereIsNoTimeToSpare) {
  spec_.spare_seconds = 1000;
  EXPECT_TRUE(MedianSeconds(Run("", /*limit=*/100)));
}

TEST(SpareTimes, AsManyRunsEndAsThereAreKernelsThoseToldBeforeIncluded) {
  std::array<SpareTime, 3> runs;
  std::array<int, 3> ends{};
  SpareTimes times;
  for (size_t i = 0; i < runs.size(); ++i) {
    std::array<int, 2> pipe_ends{};
    ASSERT_EQ(pipe2(pipe_ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    ends[i] = pipe_ends[0];
    runs[i].Hold(pipe_ends[1]);
    times.Enter(&runs[i]);
  }
  const auto told = [&] {
    char byte;
    return std::count_if(ends.begin(), ends.end(),
                         [&](int end) { return read(end, &byte, 1) == 0; });
  };
  times.EndFor(1);
  EXPECT_EQ(told(), 1);
  times.EndFor(1);
  EXPECT_EQ(told(), 1) << "the first is still there and will take it";
  times.Leave(&runs[0]);
  times.EndFor(1);
  EXPECT_EQ(told(), 2);
  times.EndAll();
  EXPECT_EQ(told(), 3);
  for (const int end : ends) close(end);
}

}  // namespace
}  // namespace tilewright
