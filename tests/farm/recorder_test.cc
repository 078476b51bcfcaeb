// Who hears when of what was stored.
#include "tuner/server/jobs/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using testing::ElementsAre;

class RecorderTest : public testing::Test {
 protected:
  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  const SystemClock clock_;
  ThreadActivities activities_;
};

TEST_F(RecorderTest, ATransactionWaitsForNobodyWhoHearsOfTheOneBefore) {
  Recorder recorder(*store_, clock_, activities_);
  std::promise<void> hears, second_stored;
  std::vector<std::string> told;
  recorder.Store(SampleRecord("first"), [&](const absl::Status& status) {
    hears.set_value();
    second_stored.get_future().wait();
    told.push_back("first " + status.ToString());
  });
  hears.get_future().wait();
  recorder.Store(SampleRecord("second"), [&](const absl::Status& status) {
    told.push_back("second " + status.ToString());
  });
  while (store_->Count({}).value() < 2) std::this_thread::yield();
  second_stored.set_value();
  ASSERT_TRUE(recorder.Flush(30));
  EXPECT_THAT(told, ElementsAre("first OK", "second OK"));
}

TEST_F(RecorderTest, WhatThoseWhoAreToldLastStillGiveIsStored) {
  auto recorder = std::make_unique<Recorder>(*store_, clock_, activities_);
  std::promise<void> ending;
  bool told = false;
  recorder->Store(SampleRecord("first"), [&, &to = *recorder](const absl::Status&) {
    ending.get_future().wait();
    to.Store(SampleRecord("last"), [&](const absl::Status& status) { told = status.ok(); });
  });
  ending.set_value();
  recorder.reset();
  EXPECT_EQ(store_->Count({}).value(), 2);
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace tilewright
