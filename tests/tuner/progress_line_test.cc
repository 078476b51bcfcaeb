#include "tuner/loop/progress_line.h"

#include <gtest/gtest.h>

namespace tilewright {
namespace {

TEST(ProgressLine, ReadsAsAutoTvms) {
  const Trial trial;
  const Measured measured;
  const TuneEvent event{.item = 0,
                        .item_count = 12,
                        .trial = trial,
                        .measured = measured,
                        .current_flops = 541.83e9,
                        .best_flops = 3570.66e9,
                        .item_trials = 960,
                        .trials = 960,
                        .trials_total = 2000,
                        .seconds = 1001.31};
  EXPECT_EQ(
      ProgressLine(event),
      "[Task  1/12]  Current/Best:  541.83/3570.66 GFLOPS | Progress: (960/2000) | 1001.31 s");
}

}  // namespace
}  // namespace tilewright
