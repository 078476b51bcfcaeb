// Leases, reports and sessions of the dispatcher.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/farm/dispatcher_fixture.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(DispatcherTest, AReportIsStoredAndEndsItsTrial) {
  const std::string session = Open("a");
  Submit("job", 5);
  const auto leased = Lease(session, 4);
  ASSERT_THAT(leased, SizeIs(1));
  EXPECT_EQ(Report(session, leased[0], 0.5).value(), ReportResult::kRecorded);
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].request.index, 5u);
  EXPECT_EQ(stored[0].measured.worker, "a");
  EXPECT_FALSE(stored[0].late);
  EXPECT_THAT(done[5], ElementsAre(Outcome(Timing{{0.5}})));
}

TEST_F(DispatcherTest, ATrialOfSeveralThreadsWaitsForASlotOfSoManyCores) {
  WorkerInfo narrow = Worker("narrow", "cpu"), wide = Worker("wide", "cpu");
  wide.slot_cores = 2;
  TrialRequest request{.job = "job", .device_key = "cpu"};
  request.options.threads = 2;
  dispatcher.Submit(std::move(request), [](Measured) {});
  EXPECT_THAT(Lease(dispatcher.OpenSession(narrow).value(), 1), IsEmpty());
  EXPECT_EQ(dispatcher.CapacityOf("cpu", 2), 0u);
  EXPECT_THAT(Lease(dispatcher.OpenSession(wide).value(), 1), SizeIs(1));
  EXPECT_GT(dispatcher.CapacityOf("cpu", 2), 0u);
}

TEST_F(DispatcherTest, TheSameReportAgainIsADuplicateAndAnotherOneAConflict) {
  const std::string session = Open("a");
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  ASSERT_EQ(Report(session, leased, 0.5).value(), ReportResult::kRecorded);
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kDuplicate);
  EXPECT_EQ(Report(session, leased, 0.6).value(), ReportResult::kConflict);
  EXPECT_THAT(stored, SizeIs(1));
  EXPECT_THAT(done[1], SizeIs(1));
}

TEST_F(DispatcherTest, AWrongFenceOrUnknownAttemptIsDiscarded) {
  const std::string session = Open("a");
  Submit("job", 1);
  LeasedTrial leased = Lease(session, 1).at(0);
  ++leased.fence;
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kDiscarded);
  leased.attempt += 1000;
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kDiscarded);
  EXPECT_TRUE(stored.empty());
}

TEST_F(DispatcherTest, AnExpiredLeaseGoesToAnotherWorkerWithAHigherFence) {
  const std::string a = Open("a");
  const std::string b = Open("b");
  Submit("job", 1);
  const LeasedTrial first = Lease(a, 1).at(0);
  clock.now += 29;
  dispatcher.Tick();
  EXPECT_THAT(Lease(b, 1), SizeIs(0));
  clock.now += 2;
  dispatcher.Tick();
  EXPECT_THAT(Lease(a, 1), SizeIs(0)) << "a lost it, b can have it";
  const LeasedTrial second = Lease(b, 1).at(0);
  EXPECT_GT(second.fence, first.fence);
  EXPECT_NE(second.attempt, first.attempt);
}

TEST_F(DispatcherTest, RenewingKeepsALease) {
  const std::string a = Open("a");
  Submit("job", 1);
  const LeasedTrial leased = Lease(a, 1).at(0);
  for (int i = 0; i < 20; ++i) {
    clock.now += 5;
    EXPECT_THAT(dispatcher.Renew(a, {leased.attempt}).value(), SizeIs(0));
    dispatcher.Tick();
  }
  EXPECT_EQ(Report(a, leased, 1).value(), ReportResult::kRecorded);
}

TEST_F(DispatcherTest, ALateReportIsKeptAndEndsTheTrialWhileTheNewerAttemptIsDropped) {
  const std::string a = Open("a");
  const std::string b = Open("b");
  Submit("job", 1);
  const LeasedTrial first = Lease(a, 1).at(0);
  clock.now += 31;
  dispatcher.Tick();
  const LeasedTrial second = Lease(b, 1).at(0);
  EXPECT_EQ(Report(a, first, 0.5).value(), ReportResult::kLateRecorded);
  EXPECT_TRUE(stored.at(0).late);
  EXPECT_THAT(done[1], SizeIs(1));
  EXPECT_THAT(dispatcher.Renew(b, {second.attempt}).value(), ElementsAre(second.attempt));
  EXPECT_EQ(Report(b, second, 0.6).value(), ReportResult::kLateRecorded) << "an extra sample";
  EXPECT_THAT(done[1], SizeIs(1));
}

TEST_F(DispatcherTest, ATrialThatTakesThreeWorkersWithItFails) {
  Submit("job", 1);
  for (const char* name : {"a", "b", "c"}) {
    const std::string session = Open(name);
    ASSERT_THAT(Lease(session, 1), SizeIs(1)) << name;
    clock.now += 50;
    dispatcher.Tick();
  }
  ASSERT_THAT(done[1], SizeIs(1));
  EXPECT_THAT(std::get<Failure>(done[1][0]).message, HasSubstr("lost 3 times"));
  EXPECT_TRUE(stored.empty());
}

TEST_F(DispatcherTest, ANewSessionOfTheSameWorkerEndsTheOlderOne) {
  const std::string older = Open("a");
  Submit("job", 1);
  Lease(older, 1);
  const std::string newer = Open("a");
  EXPECT_NE(older, newer);
  EXPECT_TRUE(absl::IsNotFound(dispatcher.Renew(older, {}).status()));
  EXPECT_THAT(Lease(newer, 1), SizeIs(1)) << "the only worker gets it again";
}

TEST_F(DispatcherTest, AWorkerThatLeavesInGoodOrderCostsNoLoss) {
  Submit("job", 1);
  for (int i = 0; i < 10; ++i) {
    const std::string session = Open("a");
    ASSERT_THAT(Lease(session, 1), SizeIs(1));
    dispatcher.CloseSession(session);
  }
  EXPECT_TRUE(done.empty());
}

TEST_F(DispatcherTest, AWaitingWorkerGetsWorkTheMomentItComes) {
  const std::string session = Open("a");
  std::vector<LeasedTrial> got;
  EXPECT_NE(dispatcher.Lease(session, 2, 25, [&](auto leased) { got = leased.value(); }), 0u);
  EXPECT_TRUE(got.empty());
  Submit("job", 1);
  EXPECT_THAT(got, SizeIs(1));
}

TEST_F(DispatcherTest, AWaitEndsEmptyAfterItsTimeOrWhenAbandonedOrDrained) {
  const std::string session = Open("a");
  int answers = 0;
  const auto count = [&](auto leased) { answers += leased.ok() && leased->empty(); };
  dispatcher.Lease(session, 1, 25, count);
  clock.now += 24;
  dispatcher.Tick();
  EXPECT_EQ(answers, 0);
  clock.now += 2;
  dispatcher.Tick();
  EXPECT_EQ(answers, 1);
  dispatcher.AbandonWait(dispatcher.Lease(session, 1, 25, count));
  EXPECT_EQ(answers, 2);
  dispatcher.Lease(session, 1, 25, count);
  dispatcher.Drain();
  EXPECT_EQ(answers, 3);
  Submit("job", 1);
  EXPECT_THAT(Lease(session, 1), SizeIs(0)) << "drained";
}

TEST_F(DispatcherTest, KeysAreServedApart) {
  const std::string cpu = Open("a", "cpu");
  const std::string gpu = Open("b", "gpu");
  Submit("job", 1, "cpu");
  Submit("job", 2, "gpu");
  EXPECT_EQ(Lease(gpu, 4).at(0).request.index, 2u);
  EXPECT_EQ(Lease(cpu, 4).at(0).request.index, 1u);
}

TEST_F(DispatcherTest, JobsShareAKeyEvenly) {
  const std::string session = Open("a");
  for (uint64_t i = 0; i < 10; ++i) Submit("big", i);
  for (uint64_t i = 100; i < 103; ++i) Submit("small", i);
  std::map<std::string, int> leased;
  for (const LeasedTrial& trial : Lease(session, 6)) ++leased[trial.request.job];
  EXPECT_EQ(leased["big"], 3);
  EXPECT_EQ(leased["small"], 3);
}

TEST_F(DispatcherTest, CancellingAJobEndsItsTrialsAndKeepsReportsThatStillCome) {
  const std::string session = Open("a");
  Submit("job", 1);
  Submit("job", 2);
  Submit("other", 3);
  const LeasedTrial leased = Lease(session, 1).at(0);
  dispatcher.CancelJob("job");
  EXPECT_THAT(done[1], SizeIs(1));
  EXPECT_THAT(done[2], SizeIs(1));
  EXPECT_TRUE(done[3].empty());
  EXPECT_THAT(dispatcher.Renew(session, {leased.attempt}).value(), ElementsAre(leased.attempt));
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kLateRecorded);
  EXPECT_THAT(done[1], SizeIs(1));
  EXPECT_EQ(Lease(session, 4).at(0).request.index, 3u);
}

TEST_F(DispatcherTest, AReportThatCouldNotBeStoredMayBeSentAgain) {
  const std::string session = Open("a");
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  store_status = absl::InternalError("disk full");
  EXPECT_TRUE(absl::IsUnavailable(Report(session, leased, 0.5).status()));
  EXPECT_TRUE(done.empty());
  store_status = absl::OkStatus();
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kRecorded);
}

TEST_F(DispatcherTest, TheSearchLearnsOnlyWhatIsStored) {
  const std::string session = Open("a");
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  hold_back = true;
  EXPECT_TRUE(absl::IsUnknown(Report(session, leased, 0.5).status())) << "not answered yet";
  EXPECT_TRUE(absl::IsUnavailable(Report(session, leased, 0.5).status())) << "being stored";
  EXPECT_TRUE(done.empty());
  held_back.at(0)(absl::OkStatus());
  EXPECT_THAT(done[1], SizeIs(1));
}

TEST_F(DispatcherTest, ASessionThatEndsWhileItsReportFailsToBeStoredLosesTheTrial) {
  const std::string session = Open("a");
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  hold_back = true;
  Report(session, leased, 0.5).IgnoreError();
  dispatcher.CloseSession(session);
  held_back.at(0)(absl::InternalError("disk full"));
  const std::string next = Open("b");
  EXPECT_THAT(Lease(next, 1), SizeIs(1));
}

TEST_F(DispatcherTest, SilentSessionsAreDropped) {
  Open("a");
  EXPECT_THAT(dispatcher.Workers(), SizeIs(1));
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 4u);
  clock.now += 41;
  dispatcher.Tick();
  EXPECT_THAT(dispatcher.Workers(), SizeIs(0));
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 0u);
}

TEST_F(DispatcherTest, KeysShowTotalFreeAndPending) {
  const std::string session = Open("a");
  for (uint64_t i = 0; i < 3; ++i) Submit("job", i);
  Submit("job", 9, "nobody");
  Lease(session, 1);
  const std::vector<KeyView> keys = dispatcher.Keys();
  ASSERT_THAT(keys, SizeIs(2));
  EXPECT_EQ(keys[0].key, "cpu");
  EXPECT_EQ(keys[0].total, 1u);
  EXPECT_EQ(keys[0].free, 0u);
  EXPECT_EQ(keys[0].pending, 2u);
  EXPECT_EQ(keys[1].pending, 1u);
}

// ---- faults and health

}  // namespace
}  // namespace tilewright
