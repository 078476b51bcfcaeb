// The process that keeps a device, on a CUDA driver that fails as it is told: who is blamed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/paths.h"
#include "tests/runtime/fake_drivers.h"
#include "worker/device_runner.h"
#include "worker/private_folder.h"
#include "worker/runner/inputs.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kCount = 1024;

class CudaRunnerTest : public ::testing::Test {
 protected:
  // The first process lives by `calls`, the next ones by PlanCuda's.
  void Start(const std::string& calls) {
    PlanCuda(calls);
    runner_ = DeviceRunner::Start({.path = TILEWRIGHT_BIN_DIR "/tilewright-device-runner",
                                   .device = "cuda:0",
                                   .cores = {},
                                   .folder = folder_->path()})
                  .value();
    PlanCuda("");
    spec_.library = folder_->path() + "/module";
    spec_.calls = {{.symbol = "twice",
                    .launch = {.grid = {16, 1, 1}, .block = {64, 1, 1}},
                    .operands = {0, 1}}};
    spec_.arguments = {{DType::kF32, {kCount}, {}, false}, {DType::kF32, {kCount}, {}, false}};
    spec_.reference = folder_->path() + "/reference";
    spec_.tolerance = 1e-6;
    std::vector<float> values(kCount);
    FillUniform(values.data(), kCount, spec_.seed);
    for (float& value : values) value *= 2;
    std::ofstream(spec_.reference, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()), kCount * sizeof(float));
    std::ofstream(spec_.library) << "fake";
  }

  void ExpectFailure(FailureKind kind, const std::string& text, double limit_seconds = 60) {
    const absl::StatusOr<Outcome> outcome = runner_->Run(spec_, limit_seconds);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_TRUE(std::holds_alternative<Failure>(*outcome));
    EXPECT_EQ(std::get<Failure>(*outcome).kind, kind);
    EXPECT_THAT(std::get<Failure>(*outcome).message, HasSubstr(text));
  }
  void ExpectItMeasures() {
    const absl::StatusOr<Outcome> outcome = runner_->Run(spec_, 60);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_TRUE(MedianSeconds(*outcome).has_value());
  }

  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
  std::unique_ptr<DeviceRunner> runner_;
  RunSpec spec_;
};

TEST_F(CudaRunnerTest, MeasuresForTheDevicesArchitecture) {
  Start("");
  EXPECT_EQ(runner_->target(), "cuda -arch=sm_90");
  EXPECT_EQ(runner_->facts().name, "Fake GPU");
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, AFaultingKernelIsACrashAndTheNextGetsAnotherProcess) {
  Start("cuCtxSynchronize=700");
  ExpectFailure(FailureKind::kCrash, "error 700");
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, AKernelThatNeverEndsIsATimeoutAndTheNextGetsAnotherProcess) {
  Start("cuCtxSynchronize=hang");
  ExpectFailure(FailureKind::kRunTimeout, "", 2);
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, CodeOfAnotherArchitectureIsABuildFailure) {
  Start("");
  std::ofstream(spec_.library) << "\x7f" "ELF of sm_120";
  ExpectFailure(FailureKind::kBuild, "cuda -arch=sm_90");
}

TEST_F(CudaRunnerTest, ADeviceThatIsGoneAfterACandidateIsTheMachinesFault) {
  Start("cuCtxSynchronize=719");
  PlanCuda("cuInit=100");
  const absl::Status status = runner_->Run(spec_, 60).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("finds no device"));
  PlanCuda("");
  ExpectItMeasures();
}

TEST_F(CudaRunnerTest, MemoryThatIsShortIsTheMachinesFault) {
  Start("cuMemAlloc_v2=2");
  const absl::Status status = runner_->Run(spec_, 60).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("CUDA cannot allocate"));
}

}  // namespace
}  // namespace tilewright
