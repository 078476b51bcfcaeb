#include "records/revoke.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Revoke, WithdrawsWhatTheFilterMatchesOnce) {
  const auto store = MakeMemoryStore();
  Record other = SampleRecord("other");
  other.worker = "worker-2";
  ASSERT_TRUE(store->Append(std::vector{SampleRecord("a"), other, SampleRecord("b")}).ok());
  EXPECT_THAT(*RevokeRecords(*store, {.worker = "worker-1"}, "throttled", 5),
              ElementsAre("a", "b"));
  EXPECT_EQ(*store->Count({}), 1);
  EXPECT_THAT(*RevokeRecords(*store, {.worker = "worker-1"}, "throttled", 6), IsEmpty());
}

TEST(Revoke, RefusesToWithdrawEverythingByMistake) {
  const auto store = MakeMemoryStore();
  EXPECT_EQ(RevokeRecords(*store, {}, "all bad", 5).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Revoke, WantsAReason) {
  const auto store = MakeMemoryStore();
  EXPECT_EQ(RevokeRecords(*store, {.run_id = "a"}, "", 5).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tilewright
