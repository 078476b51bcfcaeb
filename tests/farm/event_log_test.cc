// What a server keeps of a job's events.
#include "tuner/server/jobs/event_log.h"

#include <gtest/gtest.h>

namespace tilewright {
namespace {

v1::JobEvent Running(const std::string& message) {
  v1::JobEvent event;
  event.set_state(v1::RUNNING);
  event.set_message(message);
  return event;
}

TEST(EventLog, KeepsTheNewestHoweverManyThereAre) {
  constexpr uint64_t kEvents = 100'000;
  EventLog log;
  for (uint64_t i = 1; i <= kEvents; ++i) log.Add(Running(std::to_string(i)));
  EXPECT_EQ(log.count(), kEvents);
  EXPECT_EQ(log.Recent(kEvents)->message(), std::to_string(kEvents));
  EXPECT_EQ(log.Recent(kEvents - 100)->sequence(), kEvents - 100);
  EXPECT_FALSE(log.Recent(kEvents - 1000)) << "it is told again from the journal";
  EXPECT_FALSE(log.Recent(kEvents + 1)) << "it has not happened";
}

TEST(EventLog, OfAnEndedJobKeepsTheLast) {
  EventLog log;
  log.SetCount(3);
  for (int i = 0; i < 10; ++i) log.Add(Running(""));
  v1::JobEvent end;
  end.set_state(v1::DONE);
  log.Add(end);
  log.Shrink();
  EXPECT_TRUE(log.ended());
  EXPECT_EQ(log.count(), 14u);
  EXPECT_EQ(log.Recent(14)->state(), v1::DONE);
  EXPECT_FALSE(log.Recent(13));
}

}  // namespace
}  // namespace tilewright
