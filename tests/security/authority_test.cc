#include "security/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "security/credentials.h"
#include "security/known_revocations.h"
#include "security/revocation.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'790'000'000;

CertificateRequest Request(Role role, const std::string& name) {
  CertificateRequest request{.identity = {role, name, {}}, .validity = {kNow, 10}};
  if (role == Role::kServer) request.hosts = {"localhost"};
  if (role == Role::kWorker) request.identity.keys = {"xeon"};
  return request;
}

class AuthorityTest : public ::testing::Test {
 protected:
  const TempFolder folder_;
  Authority authority_ = Authority::Create(folder_ / "ca", "farm", {kNow, 100}).value();

  static unsigned ModeOf(const std::string& path) {
    return static_cast<unsigned>(fs::status(path).permissions()) & 0777;
  }
  // Waits until the file is looked at again.
  static bool BecomesRevoked(RevocationFile& file, const std::string& serial) {
    for (int i = 0; i < 100; ++i) {
      if (file.IsRevoked(serial)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
};

TEST_F(AuthorityTest, IssuesFoldersThatLoad) {
  for (const Role role : {Role::kServer, Role::kWorker, Role::kClient}) {
    const std::string output = folder_ / NameOf(role);
    ASSERT_TRUE(authority_.Issue(Request(role, "x"), output).ok());
    const Credentials loaded = LoadCredentials(output, kNow).value();
    EXPECT_EQ(loaded.facts.identity.role, role);
    EXPECT_EQ(ModeOf(output + "/key.pem"), 0600u);
    EXPECT_EQ(fs::exists(loaded.revocation_path()), role == Role::kServer);
    EXPECT_TRUE(absl::IsAlreadyExists(authority_.Issue(Request(role, "x"), output).status()));
  }
  EXPECT_EQ(ModeOf(folder_ / "ca/ca.key"), 0600u);
  EXPECT_TRUE(
      absl::IsAlreadyExists(Authority::Create(folder_ / "ca", "farm", {kNow, 100}).status()));
  EXPECT_TRUE(absl::IsNotFound(Authority::Open(folder_ / "elsewhere").status()));
}

TEST_F(AuthorityTest, ANameThatIsNoTextLeavesNothingBehind) {
  const std::string folder = folder_ / "new";
  for (const std::string& name : {std::string("a\xff"), std::string(), std::string(65, 'a')}) {
    const absl::Status status = Authority::Create(folder, name, {kNow, 100}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message(), "the name of a farm is 1 to 64 bytes of UTF-8");
  }
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_TRUE(Authority::Create(folder, "farm", {kNow, 100}).ok());
}

TEST_F(AuthorityTest, RevokesAllOfAHolderOnce) {
  const CertificateFacts one = authority_.Issue(Request(Role::kWorker, "w"), folder_ / "1").value();
  authority_.Issue(Request(Role::kWorker, "w"), folder_ / "2").value();
  authority_.Issue(Request(Role::kClient, "ann"), folder_ / "3").value();
  Authority again = Authority::Open(folder_ / "ca").value();
  EXPECT_THAT(again.Revoke("w", kNow).value(), SizeIs(2));
  EXPECT_THAT(again.Revoke("w", kNow).value(), SizeIs(0));
  EXPECT_THAT(std::string(again.Revoke("bob", kNow).status().message()), HasSubstr("to: ann, w"));
}

TEST_F(AuthorityTest, ARunningServerSeesWhatIsRevokedAndKeepsIt) {
  const CertificateFacts ann =
      authority_.Issue(Request(Role::kClient, "ann"), folder_ / "ann").value();
  const std::string authority = LoadCredentials(folder_ / "ann", kNow)->authority;
  std::vector<std::string> warnings;
  const auto file =
      RevocationFile::Open(authority_.revocation_path(), authority, [&](const std::string& line) {
        warnings.push_back(line);
      }).value();
  EXPECT_FALSE(file->IsRevoked(ann.serial));
  ASSERT_TRUE(authority_.Revoke("ann", kNow).ok());
  EXPECT_TRUE(BecomesRevoked(*file, ann.serial));
  std::ofstream(authority_.revocation_path()) << "nonsense";
  for (int i = 0; i < 100 && warnings.empty(); ++i) {
    EXPECT_TRUE(file->IsRevoked(ann.serial)) << "trust does not come back";
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_THAT(warnings, SizeIs(1));
  EXPECT_TRUE(absl::IsInvalidArgument(
      RevocationFile::Open(authority_.revocation_path(), authority, nullptr).status()));
}

TEST_F(AuthorityTest, WhoHasMetAListKnowsItForGood) {
  const std::string serial = authority_.Issue(Request(Role::kWorker, "w"), folder_ / "w")->serial;
  const std::string authority = LoadCredentials(folder_ / "w", kNow)->authority;
  const auto current = [&] {
    return RevocationFile::Open(authority_.revocation_path(), authority, nullptr).value()->List();
  };
  const std::string nobody = current();
  ASSERT_TRUE(authority_.Revoke("w", kNow + 1).ok());
  const std::string list = current();
  KnownRevocations known(authority);
  ASSERT_TRUE(known.Learn(nobody).ok());
  EXPECT_FALSE(known.Contains(serial));
  ASSERT_TRUE(known.Learn(list).ok());
  EXPECT_TRUE(known.Contains(serial));
  ASSERT_TRUE(known.Learn(nobody).ok());
  EXPECT_FALSE(known.Learn(list.substr(0, list.size() / 2)).ok());
  EXPECT_FALSE(known.Learn(std::string(kMaxRevocationBytes + 1, 'x')).ok());
  EXPECT_TRUE(known.Contains(serial));
}

// A server that was set back hands out older lists.
TEST_F(AuthorityTest, WhoHasMetAListKnowsItAfterARestart) {
  const std::string one = "1ab", other = "2cd", third = "3ef";
  const CertificateAndKey key = MakeAuthority("farm", {kNow, 10}).value();
  const auto revoking = [&](const Serials& serials) {
    return MakeRevocationList(key, serials, kNow).value();
  };
  const std::string spool = folder_ / "spool";
  fs::create_directory(spool);
  const auto lists = [&] { return std::distance(fs::directory_iterator(spool), {}); };
  ASSERT_TRUE(KnownRevocations(key.certificate, nullptr, spool).Learn(revoking({one})).ok());
  std::ofstream(spool + "/damaged.crl") << "nonsense";
  KnownRevocations known(key.certificate, nullptr, spool);
  EXPECT_TRUE(known.Contains(one));
  ASSERT_TRUE(known.Learn(revoking({})).ok());
  ASSERT_TRUE(known.Learn(revoking({other})).ok()) << "not all of what is known";
  EXPECT_EQ(lists(), 3);
  ASSERT_TRUE(known.Learn(revoking({one, other, third})).ok());
  EXPECT_EQ(lists(), 2) << "one says all; the damaged one is left to people";
  const KnownRevocations again(key.certificate, nullptr, spool);
  EXPECT_TRUE(again.Contains(one) && again.Contains(other) && again.Contains(third));
  fs::remove_all(spool);
  EXPECT_TRUE(absl::IsPermissionDenied(
      KnownRevocations(key.certificate, nullptr, spool).Learn(revoking({one}))));
}

TEST_F(AuthorityTest, FoldersThatCannotBeUsedSayWhy) {
  const auto problem = [&](const std::string& folder, int64_t now = kNow) {
    return std::string(LoadCredentials(folder_ / folder, now).status().message());
  };
  authority_.Issue(Request(Role::kClient, "ann"), folder_ / "ann").value();
  authority_.Issue(Request(Role::kClient, "bob"), folder_ / "bob").value();
  EXPECT_THAT(problem("nowhere"), HasSubstr("certs issue"));
  EXPECT_THAT(problem("ann", kNow + 11 * 86'400), HasSubstr("expired"));
  fs::permissions(folder_ / "ann/key.pem", fs::perms(0644));
  EXPECT_THAT(problem("ann"), HasSubstr("chmod 600"));
  fs::permissions(folder_ / "ann/key.pem", fs::perms(0600));
  fs::copy_file(folder_ / "bob/key.pem", folder_ / "ann/key.pem",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(problem("ann"), HasSubstr("another certificate"));
  Authority::Create(folder_ / "other", "farm", {kNow, 100}).value();
  fs::copy_file(folder_ / "other/ca.pem", folder_ / "bob/ca.pem",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(problem("bob"), HasSubstr("another authority"));
}

}  // namespace
}  // namespace tilewright
