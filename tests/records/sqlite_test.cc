#include "records/store/sqlite.h"

#include <gtest/gtest.h>

#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

TEST(Sqlite, AStatementUsedAgainHasNothingOfItsLastUse) {
  const TempFolder folder;
  const auto connection =
      SqliteConnection::Open(folder / "r.db", SqliteMode::kReadWriteCreate).value();
  const std::string sql = "SELECT ?1 IS NULL UNION ALL SELECT 7";
  {
    const auto first = connection->Prepare(sql).value();
    first->Bind(1, int64_t{3});
    ASSERT_TRUE(*first->Step());
    EXPECT_EQ(first->Int(0), 0);
  }
  const auto again = connection->Prepare(sql).value();
  ASSERT_TRUE(*again->Step());
  EXPECT_EQ(again->Int(0), 1);
}

TEST(Sqlite, OneTextMayRunTwiceAtOnce) {
  const TempFolder folder;
  const auto connection =
      SqliteConnection::Open(folder / "r.db", SqliteMode::kReadWriteCreate).value();
  const std::string sql = "SELECT 1 UNION ALL SELECT 2";
  const auto one = connection->Prepare(sql).value();
  const auto two = connection->Prepare(sql).value();
  ASSERT_TRUE(*one->Step());
  ASSERT_TRUE(*one->Step());
  ASSERT_TRUE(*two->Step());
  EXPECT_EQ(one->Int(0), 2);
  EXPECT_EQ(two->Int(0), 1);
}

TEST(Sqlite, ManyTextsAreForgottenBeforeTheyFillTheMemory) {
  const TempFolder folder;
  const auto connection =
      SqliteConnection::Open(folder / "r.db", SqliteMode::kReadWriteCreate).value();
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(*connection->QueryInt("SELECT " + std::to_string(i)), i);
  }
}

}  // namespace
}  // namespace tilewright
