// The process that keeps a device, on a CUDA driver that fails as it is told: who is blamed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/farm/device_runner_fixture.h"
#include "tests/runtime/fake_drivers.h"

namespace tilewright {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class CudaRunnerTest : public DeviceRunnerFixture {
 protected:
  // The first process lives by `calls`, the next ones by PlanCuda's.
  void StartWith(const std::string& calls) {
    PlanCuda(calls);
    runner_ = Start("cuda:0").value();
    PlanCuda("");
    WriteModule("fake");
  }

  void ExpectFailure(FailureKind kind, const std::string& text, double limit_seconds = 60) {
    const Failure failure = FailureOfRun(limit_seconds);
    EXPECT_EQ(failure.kind, kind);
    EXPECT_THAT(failure.message, HasSubstr(text));
  }
};

TEST_F(CudaRunnerTest, MeasuresForTheDevicesArchitecture) {
  StartWith("");
  EXPECT_EQ(runner_->target(), "cuda -arch=sm_90");
  EXPECT_EQ(runner_->facts().name, "Fake GPU");
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, AFaultingKernelIsACrashAndTheNextGetsAnotherProcess) {
  StartWith("cuCtxSynchronize=700");
  ExpectFailure(FailureKind::kCrash, "error 700");
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, AKernelThatNeverEndsIsATimeoutAndTheNextGetsAnotherProcess) {
  StartWith("cuCtxSynchronize=hang");
  ExpectFailure(FailureKind::kRunTimeout, "", 2);
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, CodeOfAnotherArchitectureIsABuildFailure) {
  StartWith("");
  WriteModule(
      "\x7f"
      "ELF of sm_120");
  ExpectFailure(FailureKind::kBuild, "cuda -arch=sm_90");
}

TEST_F(CudaRunnerTest, ADeviceThatIsGoneAfterACandidateIsTheMachinesFault) {
  StartWith("cuCtxSynchronize=719");
  PlanCuda("cuInit=100");
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("finds no device"));
  PlanCuda("");
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, MemoryThatIsShortIsTheMachinesFault) {
  StartWith("cuMemAlloc_v2=2");
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("CUDA cannot allocate"));
}

TEST_F(CudaRunnerTest, ASecondProcessMayNotMeasureOnTheDevice) {
  const Variable uuid("FAKE_CUDA_UUID", absl::StrCat("gpu ", getpid()));
  StartWith("");
  const absl::Status second = Start("cuda:0").status();
  EXPECT_TRUE(absl::IsUnavailable(second)) << second;
  EXPECT_THAT(std::string(second.message()),
              AllOf(HasSubstr("GPU-67707520"), ContainsRegex("measured on by process [0-9]+;")));
  ExpectItMeasures();
  runner_ = nullptr;
  EXPECT_TRUE(Start("cuda:0").ok());
}

TEST_F(CudaRunnerTest, ACandidateThatHangsLeavesTheDeviceToTheNext) {
  const Variable uuid("FAKE_CUDA_UUID", absl::StrCat("gpu ", getpid()));
  StartWith("cuCtxSynchronize=hang");
  ExpectFailure(FailureKind::kRunTimeout, "", 2);
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, AClockThatIsHeldDownIsTheMachinesFault) {
  {
    const Variable reasons("FAKE_NVML", "0x64");  // hot by hardware and driver, power limit
    StartWith("");
    const absl::Status status = Run().status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("Fake GPU is slowed down: too hot (hardware), too hot (driver);"),
                      HasSubstr("345 of 1980 MHz at 93 degrees")));
  }
  const Variable reasons("FAKE_NVML", "0x4");  // the power limit, as under any load
  ExpectItMeasures();
}

class ColdRunsTest : public CudaRunnerTest {
 protected:
  // Buffers that the kernel read as its input, of 4096 bytes; the cache has 10240.
  size_t InputsRead() {
    const std::string log = folder_->path() + "/inputs";
    const Variable inputs("FAKE_CUDA_INPUTS", log);
    StartWith("");
    ExpectItMeasures();
    std::ifstream in(log);
    return std::set<std::string>(std::istream_iterator<std::string>(in), {}).size();
  }
};

TEST_F(ColdRunsTest, TakeTurnsWithCopiesOfTwiceTheCache) {
  spec_.arguments[0].cold = true;
  EXPECT_EQ(InputsRead(), 5u);
}

TEST_F(ColdRunsTest, CountAllThatIsCold) {
  spec_.arguments[0].cold = spec_.arguments[1].cold = true;
  EXPECT_EQ(InputsRead(), 3u);
}

TEST_F(ColdRunsTest, AreHotWhereNothingIsCold) { EXPECT_EQ(InputsRead(), 1u); }

}  // namespace
}  // namespace tilewright
