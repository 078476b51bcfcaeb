#include "security/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright {
namespace {

using ::testing::HasSubstr;

TEST(Identity, AUriGivesItBack) {
  const Identity worker{Role::kWorker, "rack3", {"xeon", "h200"}};
  EXPECT_EQ(UriOf(worker), "tilewright://worker/rack3?keys=xeon;h200");
  EXPECT_EQ(ParseIdentityUri(UriOf(worker)).value(), worker);
  const Identity client{Role::kClient, "ann", {}};
  EXPECT_EQ(ParseIdentityUri(UriOf(client)).value(), client);
}

TEST(Identity, WhatIsNoneIsRefused) {
  for (const char* uri :
       {"", "tilewright://", "tilewright://worker", "tilewright://worker/rack3",
        "tilewright://worker/rack3?keys=", "tilewright://client/ann?keys=xeon",
        "tilewright://client/", "tilewright://client/..", "tilewright://client/a/b",
        "tilewright://client/a%2Fb", "tilewright://client/a b", "tilewright://Client/ann",
        "https://client/ann", "tilewright://client/ann#x", "tilewright://worker/w?keys=a;;b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseIdentityUri(uri).status())) << uri;
  }
  EXPECT_FALSE(ParseIdentityUri("tilewright://client/" + std::string(65, 'a')).ok());
  EXPECT_TRUE(ParseIdentityUri("tilewright://client/" + std::string(64, 'a')).ok());
}

TEST(Identity, AnUnknownRoleListsTheKnown) {
  EXPECT_THAT(std::string(ParseRole("root").status().message()),
              HasSubstr("server, worker, client, viewer, admin"));
  for (const Role role :
       {Role::kServer, Role::kWorker, Role::kClient, Role::kViewer, Role::kAdmin}) {
    EXPECT_EQ(ParseRole(NameOf(role)).value(), role);
  }
}

}  // namespace
}  // namespace tilewright
