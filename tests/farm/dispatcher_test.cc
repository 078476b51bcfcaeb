#include "tuner/server/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
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
      done[index].push_back(std::move(measured.outcome));
    });
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
  Dispatcher dispatcher{clock, {}, 7, [this](FinishedTrial trial, Dispatcher::Then then) {
                          if (hold_back) {
                            held_back.push_back(std::move(then));
                          } else {
                            if (store_status.ok()) stored.push_back(std::move(trial));
                            then(store_status);
                          }
                        }};
  std::map<uint64_t, std::vector<Outcome>> done;
};

TEST_F(DispatcherTest, AReportIsStoredAndEndsItsTrial) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
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

TEST_F(DispatcherTest, TheSameReportAgainIsADuplicateAndAnotherOneAConflict) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  ASSERT_EQ(Report(session, leased, 0.5).value(), ReportResult::kRecorded);
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kDuplicate);
  EXPECT_EQ(Report(session, leased, 0.6).value(), ReportResult::kConflict);
  EXPECT_THAT(stored, SizeIs(1));
  EXPECT_THAT(done[1], SizeIs(1));
}

TEST_F(DispatcherTest, AWrongFenceOrUnknownAttemptIsDiscarded) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
  Submit("job", 1);
  LeasedTrial leased = Lease(session, 1).at(0);
  ++leased.fence;
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kDiscarded);
  leased.attempt += 1000;
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kDiscarded);
  EXPECT_TRUE(stored.empty());
}

TEST_F(DispatcherTest, AnExpiredLeaseGoesToAnotherWorkerWithAHigherFence) {
  const std::string a = dispatcher.OpenSession(Worker("a"));
  const std::string b = dispatcher.OpenSession(Worker("b"));
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
  const std::string a = dispatcher.OpenSession(Worker("a"));
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
  const std::string a = dispatcher.OpenSession(Worker("a"));
  const std::string b = dispatcher.OpenSession(Worker("b"));
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
    const std::string session = dispatcher.OpenSession(Worker(name));
    ASSERT_THAT(Lease(session, 1), SizeIs(1)) << name;
    clock.now += 50;
    dispatcher.Tick();
  }
  ASSERT_THAT(done[1], SizeIs(1));
  EXPECT_THAT(std::get<Failure>(done[1][0]).message, HasSubstr("lost 3 times"));
  EXPECT_TRUE(stored.empty());
}

TEST_F(DispatcherTest, ANewSessionOfTheSameWorkerEndsTheOlderOne) {
  const std::string older = dispatcher.OpenSession(Worker("a"));
  Submit("job", 1);
  Lease(older, 1);
  const std::string newer = dispatcher.OpenSession(Worker("a"));
  EXPECT_NE(older, newer);
  EXPECT_TRUE(absl::IsNotFound(dispatcher.Renew(older, {}).status()));
  EXPECT_THAT(Lease(newer, 1), SizeIs(1)) << "the only worker gets it again";
}

TEST_F(DispatcherTest, AWorkerThatLeavesInGoodOrderCostsNoLoss) {
  Submit("job", 1);
  for (int i = 0; i < 10; ++i) {
    const std::string session = dispatcher.OpenSession(Worker("a"));
    ASSERT_THAT(Lease(session, 1), SizeIs(1));
    dispatcher.CloseSession(session);
  }
  EXPECT_TRUE(done.empty());
}

TEST_F(DispatcherTest, AWaitingWorkerGetsWorkTheMomentItComes) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
  std::vector<LeasedTrial> got;
  EXPECT_NE(dispatcher.Lease(session, 2, 25, [&](auto leased) { got = leased.value(); }), 0u);
  EXPECT_TRUE(got.empty());
  Submit("job", 1);
  EXPECT_THAT(got, SizeIs(1));
}

TEST_F(DispatcherTest, AWaitEndsEmptyAfterItsTimeOrWhenAbandonedOrDrained) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
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
  const std::string cpu = dispatcher.OpenSession(Worker("a", "cpu"));
  const std::string gpu = dispatcher.OpenSession(Worker("b", "gpu"));
  Submit("job", 1, "cpu");
  Submit("job", 2, "gpu");
  EXPECT_EQ(Lease(gpu, 4).at(0).request.index, 2u);
  EXPECT_EQ(Lease(cpu, 4).at(0).request.index, 1u);
}

TEST_F(DispatcherTest, JobsShareAKeyEvenly) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
  for (uint64_t i = 0; i < 10; ++i) Submit("big", i);
  for (uint64_t i = 100; i < 103; ++i) Submit("small", i);
  std::map<std::string, int> leased;
  for (const LeasedTrial& trial : Lease(session, 6)) ++leased[trial.request.job];
  EXPECT_EQ(leased["big"], 3);
  EXPECT_EQ(leased["small"], 3);
}

TEST_F(DispatcherTest, CancellingAJobEndsItsTrialsAndKeepsReportsThatStillCome) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
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
  const std::string session = dispatcher.OpenSession(Worker("a"));
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  store_status = absl::InternalError("disk full");
  EXPECT_TRUE(absl::IsUnavailable(Report(session, leased, 0.5).status()));
  EXPECT_TRUE(done.empty());
  store_status = absl::OkStatus();
  EXPECT_EQ(Report(session, leased, 0.5).value(), ReportResult::kRecorded);
}

TEST_F(DispatcherTest, TheSearchLearnsOnlyWhatIsStored) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
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
  const std::string session = dispatcher.OpenSession(Worker("a"));
  Submit("job", 1);
  const LeasedTrial leased = Lease(session, 1).at(0);
  hold_back = true;
  Report(session, leased, 0.5).IgnoreError();
  dispatcher.CloseSession(session);
  held_back.at(0)(absl::InternalError("disk full"));
  const std::string next = dispatcher.OpenSession(Worker("b"));
  EXPECT_THAT(Lease(next, 1), SizeIs(1));
}

TEST_F(DispatcherTest, SilentSessionsAreDropped) {
  dispatcher.OpenSession(Worker("a"));
  EXPECT_THAT(dispatcher.Workers(), SizeIs(1));
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 4u);
  clock.now += 41;
  dispatcher.Tick();
  EXPECT_THAT(dispatcher.Workers(), SizeIs(0));
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 0u);
}

TEST_F(DispatcherTest, KeysShowTotalFreeAndPending) {
  const std::string session = dispatcher.OpenSession(Worker("a"));
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

// Workers that come, vanish, report twice, report late; commits that fail: in any interleaving each
// trial is done exactly once, and none is lost.
class Interleaving : public DispatcherTest, public ::testing::WithParamInterface<int> {
 protected:
  struct Held {
    std::string session;
    LeasedTrial trial;
  };

  void Step() {
    switch (rng.Below(9)) {
      case 0:
        Submit("job" + std::to_string(rng.Below(3)), submitted);
        ++submitted;
        break;
      case 1: sessions[rng.Below(4)] = Open(); break;
      case 2:
      case 3: LeaseSome(); break;
      case 4:
      case 5: ReportSome(); break;
      case 6: clock.now += rng.Uniform(0, 20), dispatcher.Tick(); break;
      case 7: store_status = rng.Below(4) == 0 ? absl::InternalError("x") : absl::OkStatus(); break;
      case 8: RenewSome(); break;
    }
  }
  std::string Open() { return dispatcher.OpenSession(Worker("w" + std::to_string(rng.Below(4)))); }
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
    const std::string session = dispatcher.OpenSession(Worker("good"));
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
