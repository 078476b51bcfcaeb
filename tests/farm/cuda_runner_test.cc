// The process that keeps a device, on a CUDA driver that fails as it is told: who is blamed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/farm/device_runner_fixture.h"
#include "tests/runtime/fake_drivers.h"

namespace tilewright {
namespace {

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

}  // namespace
}  // namespace tilewright
