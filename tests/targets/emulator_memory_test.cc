// The emulator's parts without a kernel: races by phases, passes of shared memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/device/emulator/banks.h"
#include "runtime/device/emulator/memory.h"

namespace tilewright::runtime {
namespace {

using testing::HasSubstr;
using testing::IsNull;

TEST(TouchLog, FindsTouchesThatNoBarrierOrders) {
  TouchLog log(16);
  Clock clock{.phase = 5, .block_start = 5, .launch_start = 5};
  EXPECT_THAT(log.Touch({0, 4, kWriteTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({0, 4, kReadTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({3, 1, kReadTouch, 2}, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch({4, 4, kReadTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({4, 4, kReadTouch, 2}, clock), IsNull());
  EXPECT_THAT(log.Touch({4, 4, kWriteTouch, 1}, clock), HasSubstr("another thread"));
  ++clock.phase;
  EXPECT_THAT(log.Touch({0, 4, kReadTouch, 2}, clock), IsNull());
  EXPECT_THAT(log.Touch({0, 4, kReadTouch, 3}, clock), IsNull());
}

TEST(TouchLog, FindsTouchesOfTwoBlocks) {
  TouchLog log(16);
  Clock clock{.phase = 5, .block_start = 5, .launch_start = 5};
  EXPECT_THAT(log.Touch({0, 4, kWriteTouch, 1}, clock), IsNull());
  clock.phase = clock.block_start = 7;
  EXPECT_THAT(log.Touch({0, 4, kWriteTouch, 1}, clock), HasSubstr("another block"));
  clock.phase = clock.block_start = clock.launch_start = 9;
  EXPECT_THAT(log.Touch({0, 4, kWriteTouch, 1}, clock), IsNull());
}

TEST(TouchLog, AdditionsRaceWithWhatElseThreadsDoButNotWithEachOther) {
  TouchLog log(16);
  Clock clock{.phase = 5, .block_start = 5, .launch_start = 5};
  EXPECT_THAT(log.Touch({0, 4, kAddTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({0, 4, kAddTouch, 2}, clock), IsNull());
  EXPECT_THAT(log.Touch({0, 4, kReadTouch, 1}, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch({0, 4, kWriteTouch, 1}, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch({4, 4, kWriteTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({4, 4, kAddTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({4, 4, kAddTouch, 2}, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch({8, 4, kReadTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({8, 4, kAddTouch, 2}, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch({12, 4, kWriteTouch, 1}, clock), IsNull());
  clock.phase = clock.block_start = 7;
  EXPECT_THAT(log.Touch({0, 4, kAddTouch, 1}, clock), IsNull());
  EXPECT_THAT(log.Touch({0, 4, kReadTouch, 2}, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch({12, 4, kAddTouch, 1}, clock), HasSubstr("another block"));
  clock.phase = clock.block_start = 9;
  EXPECT_THAT(log.Touch({0, 4, kReadTouch, 1}, clock), HasSubstr("another block"));
}

std::vector<int64_t> Addresses(int64_t count, int64_t stride) {
  std::vector<int64_t> addresses;
  for (int64_t i = 0; i < count; ++i) addresses.push_back(i * stride);
  return addresses;
}

TEST(CountPasses, OfAWarpsAccesses) {
  const auto conflicts = [](int64_t count, int64_t stride, int64_t bytes) {
    return CountPasses(Addresses(count, stride), bytes).conflicts;
  };
  EXPECT_EQ(conflicts(32, 4, 4), 0);
  EXPECT_EQ(conflicts(32, 0, 4), 0);  // one word for all
  EXPECT_EQ(conflicts(32, 2, 2), 0);  // two of a word
  EXPECT_EQ(conflicts(32, 8, 4), 1);  // every other bank
  EXPECT_EQ(conflicts(32, 128, 4), 31);
  EXPECT_EQ(conflicts(32, 16, 16), 0);  // eight lanes a pass
  EXPECT_EQ(CountPasses(Addresses(32, 16), 16).passes, 4);
  EXPECT_EQ(conflicts(8, 128, 16), 7);  // rows of ldmatrix, not padded
  EXPECT_EQ(conflicts(8, 144, 16), 0);
}

}  // namespace
}  // namespace tilewright::runtime
