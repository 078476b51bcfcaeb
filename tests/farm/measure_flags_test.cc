// AutoTVM's options of measuring, as a job says them.
#include "cli/tuning/measure_flags.h"

#include <gtest/gtest.h>

#include "cli/arguments.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

v1::JobSpec JobOf(const std::string& command_line) {
  CLI::App app;
  MeasureFlags flags;
  AddMeasureFlags(&app, &flags);
  CheckNumbers(app);  // as the command does for all verbs
  app.parse(command_line);
  v1::JobSpec job;
  SetMeasure(flags, &job);
  return job;
}

MeasureOptions OptionsOf(const std::string& command_line) {
  return FromMessage(JobOf(command_line).measure()).value();
}

TEST(MeasureFlags, AJobSaysNothingWhereNoneIsGiven) { EXPECT_FALSE(JobOf("").has_measure()); }

TEST(MeasureFlags, RepeatIsExactlySoManySamples) {
  const MeasureOptions options = OptionsOf("--repeat 7");
  EXPECT_EQ(options.min_samples, 7u);
  EXPECT_EQ(options.max_samples, 7u);
  EXPECT_EQ(options.calls, 1u);
}

TEST(MeasureFlags, NumberAndMinRepeatMsMakeASample) {
  const MeasureOptions options = OptionsOf("--number 4 --min-repeat-ms 150");
  EXPECT_EQ(options.calls, 4u);
  EXPECT_EQ(options.min_sample_seconds, 0.15);
  EXPECT_EQ(options.min_samples, MeasureOptions{}.min_samples);
}

TEST(MeasureFlags, TimeoutIsOfBuildAndRun) {
  const MeasureOptions options = OptionsOf("--timeout 2.5");
  EXPECT_EQ(options.build_limit_seconds, 2.5);
  EXPECT_EQ(options.run_limit_seconds, 2.5);
}

TEST(MeasureFlags, CacheFlushMakesAllOperandsCold) {
  EXPECT_TRUE(OptionsOf("--cache-flush").cold);
  EXPECT_FALSE(OptionsOf("--repeat 3").cold);
}

TEST(MeasureFlags, TheLargestValuesAreTakenAndLargerOnesAreWrongUsage) {
  EXPECT_EQ(OptionsOf("--number 1000000 --repeat 4096 --min-repeat-ms 600000 --timeout 600").calls,
            1'000'000u);
  for (const char* foolish :
       {"--number 0", "--number 1000001", "--repeat 0", "--repeat 4097", "--min-repeat-ms -1",
        "--min-repeat-ms nan", "--timeout 0", "--timeout 601", "--timeout inf", "--repeat many"}) {
    EXPECT_THROW(JobOf(foolish), CLI::ParseError) << foolish;
  }
}

}  // namespace
}  // namespace tilewright
