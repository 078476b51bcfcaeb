#include "security/tls_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright {
namespace {

using ::testing::HasSubstr;

TEST(TlsProbe, SaysWhyNobodyAnswers) {
  for (const char* address : {"127.0.0.1:1", "unix:/nowhere/farm", "no.such.host.invalid:9190"}) {
    const absl::Status status = ProbeServer(address, nullptr);
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(address));
  }
  EXPECT_TRUE(absl::IsUnavailable(ProbeServer("unix:" + std::string(300, 'x'), nullptr)));
  EXPECT_TRUE(absl::IsUnavailable(ProbeServer("", nullptr)));
}

}  // namespace
}  // namespace tilewright
