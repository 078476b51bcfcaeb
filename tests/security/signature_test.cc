#include "security/signature.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "security/certificate.h"

namespace tilewright {
namespace {

// FIPS 180-4's examples, as NIST publishes them.
TEST(Signature, HashesAsTheStandardSays) {
  EXPECT_EQ(Sha256Hex("abc").value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("").value(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Signature, OnlyTheHoldersKeyOverTheSameBytesCounts) {
  const auto now = static_cast<int64_t>(SystemClock().UnixTime());
  const CertificateAndKey ann = MakeAuthority("ann", {now, 1}).value();
  const CertificateAndKey bob = MakeAuthority("bob", {now, 1}).value();
  const std::string signature = Sign(ann.key, "a message").value();
  EXPECT_TRUE(CheckSignature(ann.certificate, "a message", signature).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSignature(ann.certificate, "A message", signature)));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSignature(bob.certificate, "a message", signature)));
  for (const std::string& other : {std::string(), std::string("x"), signature + "x",
                                   signature.substr(1), std::string(1000, '\0')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckSignature(ann.certificate, "a message", other)));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSignature("none", "a message", signature)));
  EXPECT_TRUE(absl::IsInvalidArgument(Sign("none", "a message").status()));
}

}  // namespace
}  // namespace tilewright
