#include "records/store/postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records/store/postgres_store.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ToPostgres, NumbersParametersInTheOrderInWhichTheyOccur) {
  const PostgresSql sql = ToPostgres("SELECT a FROM t WHERE b = ?20 AND c = ?2 OR b < ?20");
  EXPECT_EQ(sql.text, "SELECT a FROM t WHERE b = $1 AND c = $2 OR b < $1");
  EXPECT_EQ(sql.parameters, 2);
  EXPECT_EQ(sql.places[19], 0);
  EXPECT_EQ(sql.places[1], 1);
  EXPECT_EQ(sql.places[0], -1);
  const PostgresSql plain = ToPostgres("VALUES (?,?)");
  EXPECT_EQ(plain.text, "VALUES ($1,$2)");
  EXPECT_THAT(plain.places, ElementsAre(0, 1));
}

TEST(PostgresUrl, ShowsEverythingButThePassword) {
  const auto shown = [](const std::string& url) { return ParsePostgresUrl(url).value().shown; };
  EXPECT_EQ(shown("postgresql://ann:se%40cret@db.example:5433/farm"),
            "postgresql://ann@db.example:5433/farm");
  EXPECT_EQ(shown("postgres://db.example/farm?user=ann&password=secret"),
            "postgresql://ann@db.example/farm");
  EXPECT_EQ(shown("postgresql://ann@/farm?host=/run/db"), "postgresql://ann@/run/db/farm");
  EXPECT_EQ(shown("postgresql://ann@a:1,b:2/farm"), "postgresql://ann@a,b:1,2/farm");
  EXPECT_EQ(ShownRecords("farm.db"), "farm.db");
}

TEST(PostgresUrl, ShowsNoFieldThatCouldPassForAnotherOrSteersATerminal) {
  const auto shown = [](const std::string& url) { return ParsePostgresUrl(url).value().shown; };
  EXPECT_EQ(shown("postgresql:///farm?user=ann:x"), "postgresql://ann%3ax@/farm");
  EXPECT_EQ(shown("postgresql://ann@db/farm%0a%1b%5b2J"), "postgresql://ann@db/farm%0a%1b%5b2J");
  EXPECT_EQ(shown("postgresql://ann@[::1]/a%20b"), "postgresql://ann@::1/a%20b");
}

TEST(PostgresUrl, APasswordThatWouldBeTakenForSomethingElseIsRefusedAndNotRepeated) {
  for (const char* url :
       {"postgresql://ann:se@cret@db/farm", "postgresql://ann:se/cret@db/farm",
        "postgresql://ann:12/cret@db/farm", "postgresql://ann:secret?1@db/farm",
        "postgresql://ann:secret#1@db/farm", "postgresql://ann:secret%zz@db/farm",
        "postgresql://ann:secret@db/farm?secret", "postgresql://db:secret/farm"}) {
    const absl::Status status = OpenPostgresStore(url).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("cret"))) << url;
    EXPECT_THAT(std::string(status.message()), HasSubstr(".pgpass"));
    EXPECT_EQ(ShownRecords(url), "postgresql://...");
  }
}

TEST(PostgresUrl, ADatabaseThatIsNotThereIsNamedWithoutThePassword) {
  const absl::Status status =
      ReadPostgresStore("postgresql://ann:secret@127.0.0.1:1/farm").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("postgresql://ann@127.0.0.1:1/farm"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("look whether the server runs"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace tilewright
