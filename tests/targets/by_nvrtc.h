// What tests expect of a build for CUDA, on machines with NVRTC and without.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "runtime/device/nvrtc.h"

namespace tilewright {

// Whether it was built, so that there is code to look at. The test fails where NVRTC is and did not
// build it, and where NVRTC is not and that is not what the status says.
inline bool IsBuilt(const absl::Status& status) {
  if (runtime::HasNvrtc()) {
    EXPECT_TRUE(status.ok()) << status;
    return status.ok();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(status.message(), testing::HasSubstr("NVRTC"));
  return false;
}

}  // namespace tilewright
