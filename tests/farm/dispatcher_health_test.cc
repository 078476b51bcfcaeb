// Workers that fault, say they are bad, or are not who they say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/farm/dispatcher_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(DispatcherTest, AFaultGivesTheTrialToAnotherWorkerAndRecordsNothing) {
  const std::string a = Open("a"), b = Open("b");
  Submit("job", 1);
  const LeasedTrial leased = Lease(a, 1).at(0);
  EXPECT_EQ(Fault(a, leased).value(), ReportResult::kRequeued);
  EXPECT_EQ(Fault(a, leased).value(), ReportResult::kRequeued) << "the same report again";
  EXPECT_THAT(Lease(a, 1), SizeIs(0)) << "there is another one";
  EXPECT_EQ(Report(b, Lease(b, 1).at(0), 0.5).value(), ReportResult::kRecorded);
  EXPECT_THAT(stored, SizeIs(1));
  EXPECT_TRUE(faulted.empty());
}

TEST_F(DispatcherTest, AResultThatIsWithdrawnBeforeItComesIsNotRecordedWhateverElseIsTold) {
  Submit("job", 1);
  const std::string drifted = Open("drifted"), other = Open("other");
  const LeasedTrial leased = Lease(drifted, 1).at(0);
  const auto withdraw = [&] {
    return dispatcher
        .ReportFault({.session = drifted,
                      .attempt = leased.attempt,
                      .fence = leased.fence,
                      .reason = "slow",
                      .withdraws = true})
        .value();
  };
  EXPECT_EQ(withdraw(), ReportResult::kRequeued);
  EXPECT_EQ(Fault(drifted, leased).value(), ReportResult::kRequeued);
  EXPECT_EQ(Report(drifted, leased, 1e-6).value(), ReportResult::kDiscarded);
  EXPECT_TRUE(stored.empty());
  EXPECT_EQ(Report(other, Lease(other, 1).at(0), 1e-3).value(), ReportResult::kRecorded);
  EXPECT_EQ(stored.size(), 1u);
  EXPECT_EQ(withdraw(), ReportResult::kRequeued) << "the other one's result stays";
}

TEST_F(DispatcherTest, AResultThatIsBeingStoredIsWithdrawnAfterThat) {
  Submit("job", 1);
  const std::string session = Open("drifted");
  const LeasedTrial leased = Lease(session, 1).at(0);
  const FaultReport withdrawal{.session = session,
                               .attempt = leased.attempt,
                               .fence = leased.fence,
                               .reason = "slow",
                               .withdraws = true};
  hold_back = true;
  EXPECT_FALSE(Report(session, leased, 1e-6).ok()) << "not answered yet";
  EXPECT_TRUE(absl::IsUnavailable(dispatcher.ReportFault(withdrawal).status())) << "ask again";
  held_back.at(0)(absl::OkStatus());
  EXPECT_EQ(dispatcher.ReportFault(withdrawal).value(), ReportResult::kConflict)
      << "there is a record";
}

TEST_F(DispatcherTest, ATrialLostOnOneWorkerAndFaultedOnTheOtherIsTakenAgain) {
  const std::string a = Open("a"), b = Open("b");
  Submit("job", 1);
  ASSERT_THAT(Lease(a, 1), SizeIs(1));
  for (int i = 0; i < 5; ++i) {  // both live, the lease is not renewed
    clock.now += 20;
    dispatcher.Renew(a, {}).IgnoreError();
    dispatcher.Renew(b, {}).IgnoreError();
    dispatcher.Tick();
  }
  EXPECT_THAT(Lease(a, 1), SizeIs(0)) << "there is another one";
  ASSERT_TRUE(Fault(b, Lease(b, 1).at(0)).ok());
  EXPECT_EQ(Report(a, Lease(a, 1).at(0), 0.5).value(), ReportResult::kRecorded);
}

TEST_F(DispatcherTest, FaultsInARowQuarantineAWorkerForLongerEachTime) {
  const std::string a = Open("a");
  for (uint64_t i = 0; i < 9; ++i) Submit("job", i);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Fault(a, Lease(a, 1).at(0)).ok());
  const auto health = [&] { return dispatcher.Workers().at(0).health; };
  EXPECT_EQ(health().health, WorkerHealth::kBad);
  EXPECT_THAT(health().reason, HasSubstr("disk full"));
  EXPECT_THAT(Lease(a, 1), SizeIs(0));
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 0u);
  clock.now += 61;
  EXPECT_EQ(health().health, WorkerHealth::kUnknown);
  const auto probe = Lease(a, 4);
  ASSERT_THAT(probe, SizeIs(1)) << "on probation: one at a time";
  ASSERT_TRUE(Fault(a, probe[0]).ok());
  dispatcher.Renew(a, {}).IgnoreError();
  clock.now += 40;
  dispatcher.Renew(a, {}).IgnoreError();
  clock.now += 40;
  EXPECT_EQ(health().health, WorkerHealth::kBad) << "twice as long now";
  clock.now += 41;
  ASSERT_EQ(Report(a, Lease(a, 4).at(0), 0.5).value(), ReportResult::kRecorded);
  EXPECT_EQ(health().health, WorkerHealth::kGood);
  EXPECT_THAT(Lease(a, 4), SizeIs(4));
}

TEST_F(DispatcherTest, ATrialThatFaultsEverywhereIsTheFarmsFaultAndNoOutcome) {
  Submit("job", 1);
  for (const char* name : {"a", "b", "c"}) {
    const std::string session = Open(name);
    ASSERT_TRUE(Fault(session, Lease(session, 1).at(0)).ok());
  }
  EXPECT_THAT(faulted[1], HasSubstr("c: disk full"));
  EXPECT_TRUE(stored.empty());
}

TEST_F(DispatcherTest, AWorkerThatSaysItIsBadGetsNothingUntilItSaysOtherwise) {
  const std::string a = Open("a");
  Submit("job", 1);
  ASSERT_TRUE(dispatcher.SetOwnHealth(a, WorkerHealth::kBad, "no runner").ok());
  clock.now += 39;
  EXPECT_THAT(Lease(a, 1), SizeIs(0));
  EXPECT_THAT(dispatcher.HealthOf(a).reason, HasSubstr("no runner"));
  ASSERT_TRUE(dispatcher.SetOwnHealth(a, WorkerHealth::kGood, "").ok());
  EXPECT_THAT(Lease(a, 1), SizeIs(1));
}

TEST_F(DispatcherTest, OnAFarmOfOneMachineTrialsFailWhenItsWorkerWasUnfitForLong) {
  Dispatcher lonely(
      clock, {.unfit_seconds = 60}, [] { return "session"; },
      [](FinishedTrial, const Dispatcher::Then&) {});
  const std::string session = lonely.OpenSession(Worker("a")).value();
  std::string fault;
  lonely.Submit({.job = "job", .device_key = "cpu"}, [&](Measured m) { fault = m.fault; });
  ASSERT_TRUE(lonely.SetOwnHealth(session, WorkerHealth::kBad, "disk full").ok());
  for (int i = 0; i < 59; ++i, clock.now += 1) {
    lonely.Renew(session, {}).IgnoreError();
    lonely.Tick();
  }
  EXPECT_EQ(fault, "");
  clock.now += 2;
  lonely.Tick();
  EXPECT_THAT(fault, HasSubstr("disk full"));
}

TEST_F(DispatcherTest, ADrainedWorkerKeepsWhatItHasAndGetsNothingAlsoAfterItsRestart) {
  std::string a = Open("a");
  Submit("job", 1);
  Submit("job", 2);
  const LeasedTrial held = Lease(a, 1).at(0);
  ASSERT_TRUE(dispatcher.SetHealth("a", WorkerHealth::kMaintenance, "new fan").ok());
  EXPECT_EQ(Report(a, held, 0.5).value(), ReportResult::kRecorded);
  a = Open("a");
  EXPECT_THAT(Lease(a, 1), SizeIs(0));
  ASSERT_TRUE(dispatcher.SetHealth("a", WorkerHealth::kGood, "").ok());
  EXPECT_THAT(Lease(a, 1), SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(dispatcher.SetHealth("nobody", WorkerHealth::kGood, "")));
}

// ---- names, sessions, targets

TEST_F(DispatcherTest, ALiveWorkersNameCannotBeTakenByAnotherProcess) {
  WorkerInfo mine = Worker("a"), other = Worker("a");
  mine.incarnation = "1";
  other.incarnation = "2";
  const std::string session = dispatcher.OpenSession(mine).value();
  EXPECT_TRUE(absl::IsAlreadyExists(dispatcher.OpenSession(other).status()));
  EXPECT_TRUE(dispatcher.Renew(session, {}).ok()) << "still there";
  clock.now += 15;  // silent for some renewals: it was killed
  EXPECT_TRUE(dispatcher.OpenSession(other).ok());
}

TEST_F(DispatcherTest, OnlyTheProcessThatLeasedAnAttemptMayReportIt) {
  const std::string a = Open("a"), b = Open("b");
  Submit("job", 1);
  const LeasedTrial leased = Lease(a, 1).at(0);
  EXPECT_TRUE(absl::IsPermissionDenied(Report(b, leased, 0.5).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Fault(b, leased).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Report("guess", leased, 0.5).status()));
  EXPECT_EQ(Report(a, leased, 0.5).value(), ReportResult::kRecorded);
}

TEST_F(DispatcherTest, AStrangersTargetTakesNothingFromAKey) {
  WorkerInfo stranger = Worker("stranger");
  stranger.target = "cpu -mcpu=other";
  const std::string other = dispatcher.OpenSession(stranger).value();
  const std::string own = Open("own");
  Submit("job", 1);
  EXPECT_THAT(Lease(other, 1), SizeIs(0));
  EXPECT_THAT(Lease(own, 1), SizeIs(1));
  dispatcher.CloseSession(own);
  EXPECT_THAT(Lease(other, 1), SizeIs(1)) << "a target of the user's own may run anywhere";
}

// ---- shares

}  // namespace
}  // namespace tilewright
