#include "security/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "security/credentials.h"
#include "security/revocation.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kIssued = 1'790'000'000;
constexpr int64_t kDay = 86'400;

class CertificateTest : public ::testing::Test {
 protected:
  static CertificateAndKey Farm() { return MakeAuthority("farm", {kIssued, 1000}).value(); }
  const CertificateAndKey authority_ = Farm();
  absl::StatusOr<CertificateAndKey> Issue(const Identity& identity,
                                          const std::vector<std::string>& hosts = {},
                                          int days = 10) const {
    return IssueCertificate(authority_,
                            {.identity = identity, .hosts = hosts, .validity = {kIssued, days}});
  }
};

TEST_F(CertificateTest, SaysWhoseItIsAndHowLong) {
  const Identity worker{Role::kWorker, "rack3", {"xeon", "h200"}};
  const CertificateAndKey made = Issue(worker).value();
  const CertificateFacts facts = ReadCertificate(made.certificate).value();
  EXPECT_EQ(facts.identity, worker);
  EXPECT_EQ(facts.not_after, kIssued + 10 * kDay);
  EXPECT_LE(facts.not_before, kIssued);
  EXPECT_TRUE(CheckKeyFits(made.certificate, made.key).ok());
  EXPECT_TRUE(CheckSignedBy(made.certificate, authority_.certificate).ok());
  EXPECT_NE(facts.serial, ReadCertificate(Issue(worker)->certificate)->serial);
}

TEST_F(CertificateTest, AnothersKeyOrAuthorityIsNoticed) {
  const Identity ann{Role::kClient, "ann", {}};
  const CertificateAndKey one = Issue(ann).value(), other = Issue(ann).value();
  EXPECT_TRUE(absl::IsInvalidArgument(CheckKeyFits(one.certificate, other.key)));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSignedBy(one.certificate, Farm().certificate)))
      << "an authority of the same name, another key";
}

TEST_F(CertificateTest, WhatCannotBeIsRefused) {
  const Identity ann{Role::kClient, "ann", {}}, farm{Role::kServer, "farm", {}};
  EXPECT_THAT(std::string(Issue(farm).status().message()), HasSubstr("needs the host names"));
  EXPECT_THAT(std::string(Issue(ann, {"here"}).status().message()), HasSubstr("only a server"));
  EXPECT_TRUE(Issue(farm, {"farm.example", "10.0.0.5", "::1"}).ok());
  for (const char* host : {"a b", "a,DNS:evil", "", "a/b", "a\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Issue(farm, {host}).status())) << host;
  }
  EXPECT_THAT(std::string(Issue(ann, {}, 1001).status().message()), HasSubstr("1 to 1000 days"));
  EXPECT_FALSE(Issue(ann, {}, 0).ok());
  EXPECT_FALSE(Issue({Role::kClient, "../ann", {}}).ok());
}

TEST_F(CertificateTest, TextsThatAreNoneAreRefused) {
  for (const std::string& text :
       {std::string(), std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        authority_.certificate, authority_.key}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadCertificate(text).status()));
  }
}

TEST_F(CertificateTest, TimeIsChecked) {
  const CertificateFacts facts{
      .identity = {Role::kClient, "ann", {}}, .not_before = kIssued, .not_after = kIssued + kDay};
  EXPECT_TRUE(CheckTime(facts, kIssued).ok());
  EXPECT_TRUE(CheckTime(facts, kIssued + kDay).ok());
  const absl::Status late = CheckTime(facts, kIssued + kDay + 1);
  EXPECT_THAT(std::string(late.message()), HasSubstr("the certificate of client ann expired on"));
  EXPECT_THAT(std::string(CheckTime(facts, kIssued - 1).message()), HasSubstr("is a clock wrong?"));
}

TEST_F(CertificateTest, AListOfTheRevokedIsSignedByTheAuthority) {
  const Serials serials = {"1", "3fa9c1", "7fffffffffffffffffffffffffffffff"};
  const std::string list = MakeRevocationList(authority_, serials, kIssued).value();
  EXPECT_EQ(ReadRevocationList(list, authority_.certificate).value(), serials);
  EXPECT_FALSE(ReadRevocationList(list, Farm().certificate).ok());
  EXPECT_FALSE(ReadRevocationList("", authority_.certificate).ok());
  const std::string empty = MakeRevocationList(authority_, {}, kIssued).value();
  EXPECT_THAT(ReadRevocationList(empty, authority_.certificate).value(), IsEmpty());
}

}  // namespace
}  // namespace tilewright
