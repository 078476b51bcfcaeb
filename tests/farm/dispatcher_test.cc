#include "tuner/server/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FakeClock final : public Clock {
 public:
  double Now() const override { return now; }
  double UnixTime() const override { return 1e9 + now; }
  double now = 100;
};

WorkerInfo Worker(const std::string& name, const std::string& key = "cpu") {
  return {.name = name, .device_key = key, .device = "fake", .target = "cpu", .capacity = 4};
}

Measured Timed(double seconds) { return {.outcome = Timing{{seconds}}}; }

// A dispatcher with everything observable; commits succeed at once unless held back.
class DispatcherTest : public ::testing::Test {
 protected:
  void Submit(const std::string& job, uint64_t index, const std::string& key = "cpu") {
    TrialRequest request{.job = job, .device_key = key};
    request.index = index;
    dispatcher.Submit(std::move(request), [this, index](Measured measured) {
      if (!measured.fault.empty()) faulted[index] = measured.fault;
      done[index].push_back(std::move(measured.outcome));
    });
  }
  std::string Open(const std::string& name, const std::string& key = "cpu") {
    return dispatcher.OpenSession(Worker(name, key)).value();
  }
  absl::StatusOr<ReportResult> Fault(const std::string& session, const LeasedTrial& leased) {
    return dispatcher.ReportFault({session, leased.attempt, leased.fence, "disk full"});
  }
  std::vector<LeasedTrial> Lease(const std::string& session, size_t items) {
    std::vector<LeasedTrial> result;
    dispatcher.Lease(session, items, 0, [&](auto leased) { result = leased.value(); });
    return result;
  }
  absl::StatusOr<ReportResult> Report(const std::string& session, const LeasedTrial& leased,
                                      double seconds) {
    absl::StatusOr<ReportResult> result = absl::UnknownError("not answered");
    dispatcher.Report({session, leased.attempt, leased.fence, Timed(seconds)},
                      [&](auto reported) { result = reported; });
    return result;
  }

  FakeClock clock;
  std::vector<FinishedTrial> stored;
  absl::Status store_status;
  std::vector<Dispatcher::Then> held_back;
  bool hold_back = false;
  int next_session = 0;
  Dispatcher dispatcher{clock,
                        {},
                        [this] { return "session-" + std::to_string(next_session++); },
                        [this](FinishedTrial trial, Dispatcher::Then then) {
                          if (hold_back) {
                            held_back.push_back(std::move(then));
                          } else {
                            if (store_status.ok()) stored.push_back(std::move(trial));
                            then(store_status);
                          }
                        }};
  std::map<uint64_t, std::vector<Outcome>> done;
  std::map<uint64_t, std::string> faulted;
};

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

TEST_F(DispatcherTest, UsersShareAKeyEvenlyHoweverManyJobsTheyHave) {
  const std::string session = Open("a");
  uint64_t index = 0;
  const auto submit = [&](const std::string& owner, const std::string& job, uint32_t weight) {
    for (int i = 0; i < 40; ++i) {
      TrialRequest request{.job = job, .device_key = "cpu", .index = index++};
      request.owner = owner;
      request.weight = weight;
      dispatcher.Submit(std::move(request), [](Measured) {});
    }
  };
  submit("ann", "ann-1", 1);
  submit("ann", "ann-2", 3);
  submit("bob", "bob-1", 1);
  std::map<std::string, int> leased;
  for (int i = 0; i < 40; ++i) {  // one at a time, as a small worker does
    const LeasedTrial trial = Lease(session, 1).at(0);
    ++leased[trial.request.job];
    ASSERT_TRUE(Report(session, trial, 1).ok());
  }
  EXPECT_EQ(leased["bob-1"], 20);
  EXPECT_EQ(leased["ann-1"], 5);
  EXPECT_EQ(leased["ann-2"], 15) << "three times the weight";
}

TEST_F(DispatcherTest, APausedJobIsNotLeasedUntilItIsResumed) {
  const std::string session = Open("a");
  Submit("job", 1);
  Submit("other", 2);
  dispatcher.PauseJob("job", true);
  const auto leased = Lease(session, 4);
  ASSERT_THAT(leased, SizeIs(1));
  EXPECT_EQ(leased[0].request.job, "other");
  dispatcher.PauseJob("job", false);
  EXPECT_THAT(Lease(session, 4), SizeIs(1));
}

TEST_F(DispatcherTest, WhatWaitsCanBeDroppedWhileWhatRunsGoesOn) {
  const std::string session = Open("a");
  Submit("job", 1);
  Submit("job", 2);
  const LeasedTrial leased = Lease(session, 1).at(0);
  dispatcher.DropWaiting("job");
  EXPECT_THAT(done[2], SizeIs(1));
  EXPECT_TRUE(done[1].empty());
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kRecorded);
}

// Workers that come, vanish, report twice, report late; commits that fail: in any interleaving each
// trial is done exactly once, and none is lost.
class Interleaving : public DispatcherTest, public ::testing::WithParamInterface<int> {
 protected:
  struct Held {
    std::string session;
    LeasedTrial trial;
  };

  void Step() {
    switch (rng.Below(10)) {
      case 0:
        Submit("job" + std::to_string(rng.Below(3)), submitted);
        ++submitted;
        break;
      case 1: sessions[rng.Below(4)] = OpenAny(); break;
      case 2:
      case 3: LeaseSome(); break;
      case 4:
      case 5: ReportSome(); break;
      case 6: clock.now += rng.Uniform(0, 20), dispatcher.Tick(); break;
      case 7: store_status = rng.Below(4) == 0 ? absl::InternalError("x") : absl::OkStatus(); break;
      case 8: RenewSome(); break;
      case 9: FaultSome(); break;
    }
  }
  std::string OpenAny() { return Open("w" + std::to_string(rng.Below(4))); }
  const std::string& AnySession() { return sessions[rng.Below(4)]; }
  void LeaseSome() {
    const std::string session = AnySession();
    dispatcher.Lease(session, 1 + rng.Below(3), 0, [&](auto leased) {
      if (!leased.ok()) return;
      for (LeasedTrial& trial : *leased) held.push_back({session, std::move(trial)});
    });
  }
  void ReportSome() {
    if (held.empty()) return;
    const Held& one = held[rng.Below(held.size())];
    Report(one.session, one.trial, 0.001 * static_cast<double>(1 + rng.Below(2))).IgnoreError();
  }
  void FaultSome() {
    if (held.empty()) return;
    const Held& one = held[rng.Below(held.size())];
    Fault(one.session, one.trial).IgnoreError();
  }
  void RenewSome() {
    std::vector<uint64_t> attempts;
    for (const Held& one : held) attempts.push_back(one.trial.attempt);
    dispatcher.Renew(AnySession(), attempts).IgnoreError();
  }
  // One good worker ends everything.
  void Settle() {
    store_status = absl::OkStatus();
    clock.now += 1000;
    dispatcher.Tick();
    const std::string session = Open("good");
    for (const LeasedTrial& trial : Lease(session, 100'000)) {
      ASSERT_EQ(Report(session, trial, 1).value(), ReportResult::kRecorded);
    }
  }

  Rng rng{static_cast<uint64_t>(GetParam())};
  std::vector<std::string> sessions = std::vector<std::string>(4);
  std::vector<Held> held;
  uint64_t submitted = 0;
};

TEST_P(Interleaving, EachTrialIsDoneExactlyOnce) {
  SCOPED_TRACE(GetParam());
  for (int step = 0; step < 3000; ++step) Step();
  Settle();
  ASSERT_EQ(done.size(), submitted);
  for (const auto& [index, outcomes] : done) EXPECT_THAT(outcomes, SizeIs(1)) << "trial " << index;
  std::map<uint64_t, int> attempts;
  for (const FinishedTrial& trial : stored) ++attempts[trial.attempt];
  for (const auto& [attempt, count] : attempts) EXPECT_EQ(count, 1) << "attempt " << attempt;
  for (const KeyView& key : dispatcher.Keys()) EXPECT_EQ(key.pending, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Interleaving, ::testing::Range(0, 10));

}  // namespace
}  // namespace tilewright
