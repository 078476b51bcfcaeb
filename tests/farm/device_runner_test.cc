// The process that keeps a device, on PoCL: what it measures, and what it survives.
#include "worker/process/device_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "runtime/device/device.h"
#include "tests/farm/device_runner_fixture.h"
#include "worker/device_runner/time_floor.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

class DeviceRunnerTest : public DeviceRunnerFixture {
 protected:
  void SetUp() override {
    ASSERT_EQ(runtime::SurveyDevices("opencl").missing, "");
    runner_ = Start("opencl:0").value();
    WriteBody("out[i] = 2 * in[i];");
  }

  void WriteBody(const std::string& body) {
    WriteModule(
        "kernel void twice(global const float* in, global float* out) {"
        "  int i = get_global_id(0); " +
        body + " }\n");
  }

  FailureKind KindOfRun(const std::string& body, double limit_seconds = 60) {
    WriteBody(body);
    return FailureOfRun(limit_seconds).kind;
  }
  void ExpectItStillMeasures() {
    WriteBody("out[i] = in[i] + in[i];");
    ExpectItMeasures();
  }
};

TEST_F(DeviceRunnerTest, TimesARightKernel) {
  EXPECT_EQ(runner_->target(), "opencl");
  EXPECT_NE(runner_->facts().name, "");
  const absl::StatusOr<Outcome> outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Timing& timing = std::get<Timing>(*outcome);
  EXPECT_GE(timing.seconds.size(), spec_.min_samples);
  EXPECT_GT(MedianSeconds(*outcome).value(), 0);
}

TEST_F(DeviceRunnerTest, AWrongKernelIsAnOutcomeThatNamesTheElement) {
  WriteBody("out[i] = i == 77 ? 9 : 2 * in[i];");
  const absl::StatusOr<Outcome> outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(std::get<Failure>(*outcome).kind, FailureKind::kWrongResult);
  EXPECT_THAT(std::get<Failure>(*outcome).message, HasSubstr("element 77 is 9"));
}

TEST_F(DeviceRunnerTest, AnElementThatIsLeftOutIsWrong) {
  EXPECT_EQ(KindOfRun("if (i != 5) out[i] = 2 * in[i];"), FailureKind::kWrongResult);
}

TEST_F(DeviceRunnerTest, AKernelThatIsRightOnlyTheFirstTimeIsWrong) {
  // The input is written, so that every further run sees another one.
  EXPECT_EQ(KindOfRun("out[i] = 2 * in[i]; ((global float*)in)[i] = 0.5f;"),
            FailureKind::kWrongResult);
}

TEST_F(DeviceRunnerTest, AKernelThatWritesBesideItsTensorsIsACrashAndTheNextGetsAnother) {
  for (const char* body : {"out[i] = 2 * in[i]; if (i == 3) out[get_global_size(0)] = 1;",
                           "out[i] = 2 * in[i]; if (i == 3) ((global float*)in)[-9999] = 1;"}) {
    EXPECT_EQ(KindOfRun(body), FailureKind::kCrash) << body;
  }
  ExpectItStillMeasures();
}

TEST_F(DeviceRunnerTest, WhatIsReadBesideATensorMakesTheResultWrong) {
  EXPECT_EQ(KindOfRun("out[i] = 2 * in[i] + 0 * in[i + 1];"), FailureKind::kWrongResult);
}

TEST_F(DeviceRunnerTest, CodeThatTheDriverRefusesIsABuildFailure) {
  EXPECT_EQ(KindOfRun("out[i] = nonsense;"), FailureKind::kBuild);
  ExpectItStillMeasures();
}

// The kernel's file is left as it was: what was compiled lies in the folder of both processes.
TEST_F(DeviceRunnerTest, WhatAnotherProcessCompiledRunsHere) {
  ASSERT_TRUE(runner_->compiles());
  const auto compiler = runner_->StartCompiler({}).value();
  const auto failure = compiler->Compile(spec_, 60);
  ASSERT_TRUE(failure.ok()) << failure.status();
  EXPECT_EQ(*failure, std::nullopt);
  const auto libraries = [&] {
    const std::filesystem::recursive_directory_iterator files(folder_->path());
    return std::count_if(begin(files), end(files),
                         [](const auto& file) { return file.path().extension() == ".so"; });
  };
  const auto compiled = libraries();
  EXPECT_GT(compiled, 0);
  ExpectItMeasures();
  EXPECT_EQ(libraries(), compiled);
}

TEST_F(DeviceRunnerTest, CodeThatTheDriverRefusesToCompileAheadIsABuildFailure) {
  const auto compiler = runner_->StartCompiler({}).value();
  WriteBody("out[i] = nonsense;");
  const auto failure = compiler->Compile(spec_, 60);
  ASSERT_TRUE(failure.ok() && *failure) << failure.status();
  EXPECT_EQ((*failure)->kind, FailureKind::kBuild);
  EXPECT_THAT((*failure)->message, HasSubstr("does not build"));
}

TEST_F(DeviceRunnerTest, CodeThatTakesTooLongToCompileAheadIsABuildThatTimedOut) {
  const auto compiler = runner_->StartCompiler({}).value();
  WriteBody("while (in[i] < 5) out[i] += 1;");  // its first block never ends
  const auto endless = compiler->Compile(spec_, 3);
  ASSERT_TRUE(endless.ok() && *endless) << endless.status();
  EXPECT_EQ((*endless)->kind, FailureKind::kBuildTimeout);
  EXPECT_THAT((*endless)->message, HasSubstr("did not compile it in 3 s"));
}

TEST_F(DeviceRunnerTest, ACompilerThatCrashesIsReplaced) {
  const auto compiler = runner_->StartCompiler({}).value();
  WriteBody("*(global volatile int*)8 = i;");
  const auto failure = compiler->Compile(spec_, 60);
  ASSERT_TRUE(failure.ok() && *failure) << failure.status();
  EXPECT_EQ((*failure)->kind, FailureKind::kCrash);
  WriteBody("out[i] = 2 * in[i];");
  EXPECT_EQ(compiler->Compile(spec_, 60).value(), std::nullopt);
}

TEST_F(DeviceRunnerTest, AKernelThatCrashesTheProcessIsACrashAndTheNextGetsAnother) {
  EXPECT_EQ(KindOfRun("*(global volatile int*)8 = i;"), FailureKind::kCrash);
  ExpectItStillMeasures();
}

TEST_F(DeviceRunnerTest, AKernelThatNeverEndsIsATimeoutAndTheNextGetsAnother) {
  EXPECT_EQ(KindOfRun("while (in[i] < 5) out[i] += 1;", 3), FailureKind::kRunTimeout);
  ExpectItStillMeasures();
}

TEST_F(DeviceRunnerTest, ABlockThatTheDeviceDoesNotTakeIsACrash) {
  spec_.calls[0].launch.grid = {1, 1, 1};
  spec_.calls[0].launch.block = {1 << 20, 1, 1};
  EXPECT_EQ(KindOfRun("out[i] = 2 * in[i];"), FailureKind::kCrash);
}

TEST_F(DeviceRunnerTest, AnImpossibleTimeIsTheMachinesFault) {
  spec_.flops = 1e30;
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("beyond"));
}

// An H100's matrix units have 8192 operations of int8 a clock and unit, its other ones 256.
TEST(TimeFloor, LetsTensorCoresBeAsFastAsTheyAre) {
  const runtime::DeviceInfo h100{.compute_units = 132, .clock_mhz = 1980};
  const double flops = 2.0 * 4096 * 4096 * 4096, clocks = 132 * 1980e6;
  EXPECT_LT(LeastSeconds(flops, DType::kI8, h100), flops / (8192 * clocks));
  EXPECT_LT(LeastSeconds(flops, DType::kBF16, h100), flops / (4096 * clocks));
  EXPECT_LT(LeastSeconds(4 * flops, DType::kF32, h100), 4 * flops / (4 * 256 * clocks));
  EXPECT_GT(LeastSeconds(flops, DType::kF32, h100), flops / (8192 * clocks));
  EXPECT_EQ(LeastSeconds(flops, DType::kF32, {}), 0);
}

TEST_F(DeviceRunnerTest, AMissingReferenceIsTheMachinesFault) {
  spec_.reference = folder_->path() + "/nothing";
  EXPECT_TRUE(absl::IsUnavailable(Run().status()));
}

TEST_F(DeviceRunnerTest, ADeviceThatIsNotThereIsSaid) {
  const absl::Status status = Start("opencl:99").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no device opencl:99"));
}

TEST_F(DeviceRunnerTest, TheEmulatorHasNoSpeed) {
  const absl::Status status = Start("emu:0").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("no speed to measure"));
}

}  // namespace
}  // namespace tilewright
