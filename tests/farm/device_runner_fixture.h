// The process that keeps a device, asked to run a kernel `twice` of 1024 floats: two operands, the
// second is to be twice the first.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tests/paths.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/device_runner.h"
#include "worker/runner/inputs.h"

namespace tilewright {

class DeviceRunnerFixture : public ::testing::Test {
 protected:
  DeviceRunnerFixture() {
    constexpr int64_t kCount = 1024;
    spec_.library = folder_->path() + "/module";
    spec_.calls = {{.symbol = "twice",
                    .launch = {.grid = {16, 1, 1}, .block = {64, 1, 1}},
                    .operands = {0, 1}}};
    spec_.arguments = {{.shape = {kCount}}, {.shape = {kCount}}};
    spec_.reference = folder_->path() + "/reference";
    spec_.tolerance = 1e-6;
    std::vector<float> values(kCount);
    FillUniform(values.data(), kCount, spec_.seed);
    for (float& value : values) value *= 2;
    std::ofstream(spec_.reference, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()), kCount * sizeof(float));
  }

  absl::StatusOr<std::unique_ptr<DeviceRunner>> Start(const std::string& device) {
    return DeviceRunner::Start({.path = TILEWRIGHT_BIN_DIR "/tilewright-device-runner",
                                .device = device,
                                .cores = {},
                                .folder = folder_->path()});
  }
  void WriteModule(const std::string& code) { std::ofstream(spec_.library) << code; }

  absl::StatusOr<Outcome> Run(double limit_seconds = 60) {
    return runner_->Run(spec_, limit_seconds);
  }
  // How the candidate failed; "no failure" in the message where it did not.
  Failure FailureOfRun(double limit_seconds = 60) {
    const absl::StatusOr<Outcome> outcome = Run(limit_seconds);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (outcome.ok() && std::holds_alternative<Failure>(*outcome)) {
      return std::get<Failure>(*outcome);
    }
    return {.kind = FailureKind::kUnknown, .message = "no failure"};
  }
  void ExpectItMeasures() {
    const absl::StatusOr<Outcome> outcome = Run();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_TRUE(MedianSeconds(*outcome).has_value());
  }

  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
  std::unique_ptr<DeviceRunner> runner_;
  RunSpec spec_;
};

}  // namespace tilewright
