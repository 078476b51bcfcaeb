// Runs that go on sampling while nothing else is there to be run, in real runner processes.
#include "worker/process/spare_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "runtime/cpu_info.h"
#include "tests/farm/run_kernel_fixture.h"
#include "worker/process/prepared_kernel.h"

namespace tilewright {
namespace {

using ::testing::SizeIs;

class SpareTimeTest : public RunKernelTest {
 protected:
  Outcome RunWith(SpareTime& spare, double seconds) {
    PreparedKernel kernel(kRunner, spec_, 100, nullptr);
    return kernel.Run({.limit_seconds = 100, .spare_seconds = seconds, .spare = &spare}).value();
  }
};

TEST_F(SpareTimeTest, TimeToSpareGivesMoreSamplesOfWhichQuantilesAreKept) {
  spec_.min_samples = 1;
  spec_.max_samples = 5;
  spec_.sampling_seconds = 0;
  spec_.library = Library("");
  SpareTime spare;
  const Outcome outcome = RunWith(spare, 0.2);
  const auto& seconds = std::get<Timing>(outcome).seconds;
  EXPECT_THAT(seconds, SizeIs(5));
  EXPECT_TRUE(std::is_sorted(seconds.begin(), seconds.end()));
}

TEST_F(SpareTimeTest, TimeToSpareIsAlsoForWhatWouldHaveBeenDropped) {
  spec_.min_samples = spec_.max_samples = 2;
  spec_.drop_seconds = 1e-6;
  spec_.library = Library("  usleep(1000);\n");
  SpareTime spare;
  const Outcome outcome = RunWith(spare, 0.5);
  EXPECT_THAT(std::get<Timing>(outcome).seconds, SizeIs(2));
}

// The next kernel may be there at any time, and waits for one sample at most.
TEST_F(SpareTimeTest, WhatWouldHaveBeenDroppedIsSampledCallByCall) {
  spec_.drop_seconds = 1e-6;
  spec_.sample_calls = 1000000;
  spec_.library = Library("  usleep(1000);\n");
  SpareTime spare;
  EXPECT_TRUE(MedianSeconds(RunWith(spare, 0.5)));
}

TEST_F(SpareTimeTest, TimeToSpareEndsWhenMoreSamplesSayNothingNew) {
  spec_.library = Library("");
  SpareTime spare;
  EXPECT_TRUE(MedianSeconds(RunWith(spare, 1000)));
}

// Something else that keeps a CPU busy.
class BusyThread {
 public:
  explicit BusyThread(int cpu)
      : thread_([this, cpu] {
          runtime::BindThread(pthread_self(), cpu);
          while (!ends_) continue;
        }) {}
  ~BusyThread() {
    ends_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

TEST_F(SpareTimeTest, TimeToSpareEndsWhenSomethingElseWantsTheCore) {
  spec_.cores = {runtime::AllowedCpus().back()};
  spec_.cpu_seconds = 30;
  spec_.library = Library("  for (volatile int i = 0; i < 3000000; ++i) ;\n");
  const BusyThread other(spec_.cores[0]);
  SpareTime spare;
  EXPECT_TRUE(MedianSeconds(RunWith(spare, 1000)));
}

TEST_F(SpareTimeTest, TimeToSpareEndsWhenItIsToldTo) {
  spec_.min_samples = 1;
  spec_.sampling_seconds = 0;
  spec_.library = Library("");
  for (const bool before : {false, true}) {
    SpareTime spare;
    if (before) spare.End();
    std::thread teller([&] { spare.End(); });
    const Outcome outcome = RunWith(spare, 1000);
    teller.join();
    EXPECT_TRUE(MedianSeconds(outcome));
  }
}

TEST_F(SpareTimeTest, WithoutAnyoneToEndItThereIsNoTimeToSpare) {
  spec_.library = Library("");
  PreparedKernel kernel(kRunner, spec_, 100, nullptr);
  EXPECT_TRUE(MedianSeconds(kernel.Run({.limit_seconds = 100, .spare_seconds = 1000}).value()));
}

}  // namespace
}  // namespace tilewright
