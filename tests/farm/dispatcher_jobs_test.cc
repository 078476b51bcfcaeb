// How jobs and users share a key, and that no interleaving loses or repeats a trial.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "tests/farm/dispatcher_fixture.h"

namespace tilewright {
namespace {

using ::testing::SizeIs;

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

TEST_F(DispatcherTest, AUserWhoComesAndGoesStarvesNobody) {
  const std::string session = Open("a");
  uint64_t index = 0;
  const auto submit = [&](const std::string& owner) {
    TrialRequest request{.job = owner + "-1", .device_key = "cpu", .index = index++};
    request.owner = owner;
    dispatcher.Submit(std::move(request), [](Measured) {});
  };
  for (int i = 0; i < 10; ++i) submit("bob");
  submit("ann");
  std::map<std::string, int> leased;
  for (int i = 0; i < 10; ++i) {
    const LeasedTrial trial = Lease(session, 1).at(0);
    ++leased[trial.request.owner];
    ASSERT_TRUE(Report(session, trial, 1).ok());
    if (trial.request.owner == "ann") submit("ann");  // whose share was empty meanwhile
  }
  EXPECT_EQ(leased["ann"], 5);
  EXPECT_EQ(leased["bob"], 5);
}

TEST_F(DispatcherTest, AJobThatWasPausedCatchesUpOnlyByAFewTrials) {
  const std::string session = Open("a");
  for (int i = 0; i < 200; ++i) {
    TrialRequest request{.job = i % 2 ? "ann-1" : "bob-1", .device_key = "cpu"};
    request.owner = i % 2 ? "ann" : "bob";
    dispatcher.Submit(std::move(request), [](Measured) {});
  }
  std::map<std::string, int> leased;
  const auto lease = [&](int count) {
    leased.clear();
    for (int i = 0; i < count; ++i) {
      const LeasedTrial trial = Lease(session, 1).at(0);
      ++leased[trial.request.owner];
      ASSERT_TRUE(Report(session, trial, 1).ok());
    }
  };
  dispatcher.PauseJob("ann-1", true);
  lease(60);
  EXPECT_EQ(leased["bob"], 60);
  dispatcher.PauseJob("ann-1", false);
  lease(60);
  EXPECT_GE(leased["bob"], 20) << "what ann missed is not hers";
  EXPECT_GE(leased["ann"], 30);
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

// Workers of all roles that come, vanish, report twice, report late; commits that fail, jobs that
// are paused: in any interleaving each trial is done exactly once, and none is lost.
class Interleaving : public DispatcherTest, public ::testing::WithParamInterface<int> {
 protected:
  struct Held {
    std::string session;
    LeasedTrial trial;
  };

  void Step() {
    switch (rng.Below(11)) {
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
      case 10: dispatcher.PauseJob("job" + std::to_string(rng.Below(3)), rng.Below(2) == 0); break;
    }
  }
  std::string OpenAs(const std::string& name, WorkerRole role) {
    WorkerInfo worker = Worker(name);
    worker.role = role;
    const std::string session = dispatcher.OpenSession(worker).value();
    roles[session] = role;
    return session;
  }
  std::string OpenAny() {
    constexpr WorkerRole kRoles[] = {WorkerRole::kBoth, WorkerRole::kBuild, WorkerRole::kRun};
    return OpenAs("w" + std::to_string(rng.Below(4)), kRoles[rng.Below(3)]);
  }
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
    if (roles[one.session] == WorkerRole::kBuild) return Built(one).IgnoreError();
    Report(one.session, one.trial, 0.001 * static_cast<double>(1 + rng.Below(2))).IgnoreError();
  }
  absl::Status Built(const Held& one) {
    return dispatcher
        .ReportBuilt({.session = one.session,
                      .attempt = one.trial.attempt,
                      .fence = one.trial.fence,
                      .module = {.sha256 = std::to_string(rng.Below(2)), .payload = "module"}})
        .status();
  }
  void FaultSome() {
    if (held.empty()) return;
    const Held& one = held[rng.Below(held.size())];
    dispatcher
        .ReportFault({one.session, one.trial.attempt, one.trial.fence, "x", rng.Below(2) == 0})
        .IgnoreError();
  }
  void RenewSome() {
    std::vector<uint64_t> attempts;
    for (const Held& one : held) attempts.push_back(one.trial.attempt);
    dispatcher.Renew(AnySession(), attempts).IgnoreError();
  }
  // One good worker ends everything, or a pair of them.
  void Settle() {
    store_status = absl::OkStatus();
    for (const char* job : {"job0", "job1", "job2"}) dispatcher.PauseJob(job, false);
    clock.now += 1000;
    dispatcher.Tick();
    const bool pair = rng.Below(2) == 0;
    const std::string session = OpenAs("good", pair ? WorkerRole::kRun : WorkerRole::kBoth);
    if (pair) builder = OpenAs("builder", WorkerRole::kBuild);
    for (size_t done = 1; done > 0;) {
      for (const LeasedTrial& trial : pair ? Lease(builder, 100'000) : std::vector<LeasedTrial>()) {
        ASSERT_TRUE(Built({builder, trial}).ok());
      }
      done = 0;
      for (const LeasedTrial& trial : Lease(session, 100'000)) {
        ASSERT_EQ(Report(session, trial, 1).value(), ReportResult::kRecorded);
        ++done;
      }
    }
  }

  Rng rng{static_cast<uint64_t>(GetParam())};
  std::vector<std::string> sessions = std::vector<std::string>(4);
  std::map<std::string, WorkerRole> roles;
  std::string builder;
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

INSTANTIATE_TEST_SUITE_P(Seeds, Interleaving, ::testing::Range(0, 20));

}  // namespace
}  // namespace tilewright
