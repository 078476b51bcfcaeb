#include "records/lookup/revoke.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Revoke, WithdrawsWhatTheFilterMatchesOnce) {
  const auto store = MakeMemoryStore();
  Record other = SampleRecord("other");
  other.worker = "worker-2";
  ASSERT_TRUE(store->Append(std::vector{SampleRecord("a"), other, SampleRecord("b")}).ok());
  EXPECT_THAT(*RevokeRecords(*store, {.worker = "worker-1"}, {"throttled", 5}),
              ElementsAre("a", "b"));
  EXPECT_EQ(*store->Count({}), 1);
  EXPECT_THAT(*RevokeRecords(*store, {.worker = "worker-1"}, {"throttled", 6}), IsEmpty());
}

TEST(Revoke, WithdrawsWhatABuilderBuiltWhoeverRanIt) {
  const auto store = MakeMemoryStore();
  Record built = SampleRecord("built"), other = SampleRecord("other");
  built.builder = "worker-2";
  other.builder = "worker-3";
  ASSERT_TRUE(store->Append(std::vector{SampleRecord("own"), built, other}).ok());
  EXPECT_THAT(*RevokeRecords(*store, {.builder = "worker-2"}, {"it had the wrong compiler", 5}),
              ElementsAre("built"));
  EXPECT_THAT(*RevokeRecords(*store, {.builder = "worker-1"}, {"as above", 6}), IsEmpty())
      << "it has run what others built";
}

TEST(Revoke, RefusesToWithdrawEverythingByMistake) {
  const auto store = MakeMemoryStore();
  EXPECT_EQ(RevokeRecords(*store, {}, {"all bad", 5}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Revoke, KeepsWhoDidItAndWhy) {
  const auto store = MakeMemoryStore();
  ASSERT_TRUE(store->Append(std::vector{SampleRecord("a")}).ok());
  ASSERT_TRUE(RevokeRecords(*store, {.job = "job-7"}, {"its fan had stopped", 5, "ann"}).ok());
  EXPECT_THAT(*store->Revocations(), ElementsAre(Revocation{"a", "its fan had stopped", 5, "ann"}));
}

TEST(Revoke, RefusesTextsAndTimesOutsideTheirLimits) {
  const auto refused = [](const RecordFilter& filter, const RevokeNote& note) {
    return std::string(CheckRevoke(filter, note).message());
  };
  const RecordFilter a{.run_id = "a"};
  EXPECT_TRUE(CheckRevoke(a, {std::string(4096, 'x'), 5, std::string(200, 'y')}).ok());
  EXPECT_TRUE(CheckRevoke(a, {"Zeit läuft weg", 5}).ok());
  EXPECT_THAT(refused(a, {"", 5}), HasSubstr("reason is empty"));
  EXPECT_THAT(refused(a, {std::string(4097, 'x'), 5}), HasSubstr("4097 bytes, allowed are 4096"));
  EXPECT_THAT(refused(a, {"x", 5, std::string(201, 'y')}), HasSubstr("201 bytes, allowed are 200"));
  EXPECT_THAT(refused(a, {"two\nlines", 5}), HasSubstr("not one line of UTF-8"));
  EXPECT_THAT(refused(a, {"\xFF", 5}), HasSubstr("not one line of UTF-8"));
  EXPECT_THAT(refused(a, {"x", 5, "\x1B[2J"}), HasSubstr("not one line of UTF-8"));
  EXPECT_THAT(refused({.worker = "\xC3"}, {"x", 5}), HasSubstr("not one line of UTF-8"));
  EXPECT_THAT(refused({.builder = "a\nb"}, {"x", 5}), HasSubstr("not one line of UTF-8"));
  EXPECT_THAT(refused({.job = std::string(1025, 'j')}, {"x", 5}), HasSubstr("allowed are 1024"));
  EXPECT_THAT(refused({.since = -1}, {"x", 5}), HasSubstr("a time of -1 s"));
  EXPECT_THAT(refused({.before = std::nan("")}, {"x", 5}), HasSubstr("a time of nan s"));
}

}  // namespace
}  // namespace tilewright
