#include "cli/tuning/job_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "cli/tuning/duration.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;

TEST(Duration, ReadsSecondsMinutesHoursAndDays) {
  EXPECT_EQ(ParseDuration("90").value(), 90);
  EXPECT_EQ(ParseDuration("90s").value(), 90);
  EXPECT_EQ(ParseDuration("10m").value(), 600);
  EXPECT_EQ(ParseDuration("1.5h").value(), 5400);
  EXPECT_EQ(ParseDuration("90d").value(), 90 * 86400);
}

TEST(Duration, AnythingElseIsWrongUsage) {
  for (const char* text : {"", "m", "soon", "-1s", "1w", "nan", "inf"}) {
    EXPECT_EQ(ExitCodeOf(ParseDuration(text).status()), ExitCode::kUsage) << text;
  }
}

TEST(TaskList, ReadsNumbersAndRangesInOrderWithoutRepeats) {
  EXPECT_THAT(ParseTaskList("all", 3).value(), ElementsAre(0, 1, 2));
  EXPECT_THAT(ParseTaskList("3-5,0,2,4", 6).value(), ElementsAre(0, 2, 3, 4, 5));
}

TEST(TaskList, WhatIsNotThereIsWrongUsage) {
  for (const char* text : {"", "6", "2-", "-2", "5-3", "1,,2", "x", "0-6"}) {
    EXPECT_EQ(ExitCodeOf(ParseTaskList(text, 6).status()), ExitCode::kUsage) << text;
  }
}

}  // namespace
}  // namespace tilewright
