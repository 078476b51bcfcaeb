#include "worker/pipeline/slot_turns.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

namespace tilewright {
namespace {

// A run with time to spare, and what its runner sees.
class SparingRun {
 public:
  SparingRun() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    input_ = ends[0];
    spare_.Hold(ends[1]);
  }
  ~SparingRun() { close(input_); }
  SpareTime* spare() { return &spare_; }
  bool is_told() const {
    char byte;
    return read(input_, &byte, 1) == 0;
  }

 private:
  int input_ = -1;
  SpareTime spare_;
};

TEST(SlotTurns, ASlotIsOneRunsAtATime) {
  SlotTurns turns(2);
  turns.Take(0);
  turns.Take(1);  // another slot's turn is another's
  std::atomic<bool> returned = false;
  std::thread next([&] {
    turns.Take(0);
    EXPECT_TRUE(returned);
    turns.Return(0);
  });
  returned = true;
  turns.Return(0);
  next.join();
  turns.Return(1);
}

TEST(SlotTurns, WhoWaitsEndsTheSpareTimeOfItsSlotOnly) {
  SlotTurns turns(2);
  SparingRun runs[2];
  for (const size_t slot : {0, 1}) {
    turns.Take(slot);
    EXPECT_TRUE(turns.Spare(slot, runs[slot].spare()));
    EXPECT_FALSE(runs[slot].is_told());
  }
  std::thread next([&] { turns.Take(0); });
  while (!runs[0].is_told()) std::this_thread::yield();
  EXPECT_FALSE(runs[1].is_told());
  EXPECT_FALSE(turns.Spare(0, runs[0].spare())) << "somebody waits";
  turns.Return(0);
  next.join();
  turns.EndSpareTimes();
  EXPECT_TRUE(runs[1].is_told());
}

TEST(SlotTurns, AReturnedSlotsRunIsToldNothingMore) {
  SlotTurns turns(1);
  SparingRun run;
  turns.Take(0);
  EXPECT_TRUE(turns.Spare(0, run.spare()));
  turns.Return(0);
  turns.Take(0);
  turns.EndSpareTimes();
  EXPECT_FALSE(run.is_told());
}

}  // namespace
}  // namespace tilewright
