// Builds by one worker, runs by another: leases, modules, losses, faults, fairness and capacity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/farm/dispatcher_fixture.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DispatcherBuildsTest : public DispatcherTest {
 protected:
  WorkerInfo With(const std::string& name, WorkerRole role) {
    WorkerInfo worker = Worker(name);
    worker.role = role;
    worker.slots = role == WorkerRole::kBuild ? 0 : 1;
    return worker;
  }
  std::string Builder(const std::string& name) {
    return dispatcher.OpenSession(With(name, WorkerRole::kBuild)).value();
  }
  std::string Runner(const std::string& name) {
    return dispatcher.OpenSession(With(name, WorkerRole::kRun)).value();
  }
  absl::StatusOr<ReportResult> Built(const std::string& session, const LeasedTrial& leased,
                                     const std::string& sha256 = "hash") {
    return dispatcher.ReportBuilt({.session = session,
                                   .attempt = leased.attempt,
                                   .fence = leased.fence,
                                   .module = {.sha256 = sha256,
                                              .payload = std::string(100, 'm'),
                                              .signer = "serial of " + session,
                                              .build_seconds = 0.25}});
  }
  // A trial that waits for a runner.
  void BuildOne(const std::string& builder) {
    const auto leased = Lease(builder, 1);
    ASSERT_THAT(leased, SizeIs(1));
    ASSERT_EQ(Built(builder, leased[0]).value(), ReportResult::kWaitsForRun);
  }
};

TEST_F(DispatcherBuildsTest, ATrialIsBuiltByOneWorkerAndRunByAnother) {
  const std::string builder = Builder("b"), runner = Runner("r");
  Submit("job", 1);
  EXPECT_THAT(Lease(runner, 1), IsEmpty()) << "nothing is built yet";
  const LeasedTrial build = Lease(builder, 1).at(0);
  EXPECT_EQ(build.module, "");
  EXPECT_EQ(Built(builder, build).value(), ReportResult::kWaitsForRun);
  EXPECT_TRUE(stored.empty()) << "a build is no measurement";
  const LeasedTrial run = Lease(runner, 1).at(0);
  EXPECT_EQ(run.module, "hash");
  EXPECT_GT(run.fence, build.fence);
  EXPECT_EQ(dispatcher.ModuleOf(runner, run.attempt).value()->payload.size(), 100u);
  EXPECT_EQ(Report(runner, run, 0.5).value(), ReportResult::kRecorded);
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].measured.worker, "r");
  EXPECT_EQ(stored[0].measured.builder, "b");
  EXPECT_EQ(stored[0].measured.build_seconds, 0.25);
  EXPECT_THAT(done[1], SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(dispatcher.ModuleOf(runner, run.attempt).status())) << "freed";
}

TEST_F(DispatcherBuildsTest, AWorkerWithoutARoleKeepsBothAndTakesNothingBuiltElsewhere) {
  const std::string both = Open("a"), builder = Builder("b"), runner = Runner("r");
  Submit("job", 1);
  BuildOne(builder);
  EXPECT_THAT(Lease(both, 1), IsEmpty()) << "it runs only what it built itself";
  Submit("job", 2);
  const LeasedTrial whole = Lease(both, 1).at(0);
  EXPECT_EQ(whole.module, "");
  EXPECT_EQ(Report(both, whole, 0.5).value(), ReportResult::kRecorded);
  EXPECT_EQ(stored.at(0).measured.builder, "");
  EXPECT_THAT(Lease(runner, 1), SizeIs(1));
}

TEST_F(DispatcherBuildsTest, OnlyTheHolderOfTheAttemptIsGivenTheModule) {
  const std::string builder = Builder("b"), runner = Runner("r"), other = Runner("s");
  Submit("job", 1);
  BuildOne(builder);
  const LeasedTrial run = Lease(runner, 1).at(0);
  for (const std::string& session : {builder, other, std::string("none")}) {
    EXPECT_TRUE(absl::IsNotFound(dispatcher.ModuleOf(session, run.attempt).status()));
  }
  EXPECT_TRUE(dispatcher.ModuleOf(runner, run.attempt).ok());
}

TEST_F(DispatcherBuildsTest, BuildersWaitForRunnersOfTheirTarget) {
  const std::string builder = Builder("b");
  Submit("job", 1);
  EXPECT_THAT(Lease(builder, 1), IsEmpty()) << "nobody would run it";
  WorkerInfo other = With("arm", WorkerRole::kRun);
  other.target = "cpu -mtriple=aarch64-linux-gnu";
  const std::string arm = dispatcher.OpenSession(other).value();
  EXPECT_THAT(Lease(builder, 1), IsEmpty());
  std::vector<LeasedTrial> woken;
  dispatcher.Lease(builder, 1, 20, [&](auto leased) { woken = leased.value(); });
  Runner("r");
  EXPECT_THAT(woken, SizeIs(1)) << "the runner's coming wakes the builder";
}

TEST_F(DispatcherBuildsTest, BuildersWorkAheadOfRunnersButNotWithoutEnd) {
  const std::string builder = Builder("b"), runner = Runner("r");
  for (uint64_t i = 0; i < 100; ++i) Submit("job", i);
  size_t built = 0;
  for (auto leased = Lease(builder, 3); !leased.empty(); leased = Lease(builder, 3)) {
    for (const LeasedTrial& trial : leased) {
      EXPECT_TRUE(Built(builder, trial).ok());
      ++built;
    }
  }
  EXPECT_EQ(built, 8u) << "twice what the runner holds";
  const auto run = Lease(runner, 1);
  ASSERT_THAT(run, SizeIs(1));
  EXPECT_EQ(run[0].request.index, 0u) << "in the order of the builds";
  EXPECT_THAT(Lease(builder, 9), IsEmpty());
  EXPECT_EQ(Report(runner, run[0], 0.5).value(), ReportResult::kRecorded);
  EXPECT_THAT(Lease(builder, 9), SizeIs(1));
}

TEST_F(DispatcherBuildsTest, ALostBuildGoesToAnotherBuilderAndALostRunIsBuiltAgain) {
  const std::string a = Builder("a"), runner = Runner("r");
  Submit("job", 1);
  ASSERT_THAT(Lease(a, 1), SizeIs(1));
  const std::string b = Builder("b");
  clock.now += 50;  // a is gone
  dispatcher.Tick();
  const std::string b2 = Builder("b");
  const std::string r2 = Runner("r");
  BuildOne(b2);
  ASSERT_THAT(Lease(r2, 1), SizeIs(1));
  clock.now += 50;  // and the runner with what it runs
  dispatcher.Tick();
  const std::string b3 = Builder("b");
  const std::string r3 = Runner("r");
  EXPECT_THAT(Lease(r3, 1), IsEmpty()) << "nothing is kept of it";
  BuildOne(b3);
  EXPECT_EQ(Report(r3, Lease(r3, 1).at(0), 0.5).value(), ReportResult::kRecorded);
  EXPECT_THAT(done[1], SizeIs(1));
}

TEST_F(DispatcherBuildsTest, ATrialLostThreeTimesOnItsWayFails) {
  Submit("job", 1);
  for (int i = 0; i < 3; ++i) {
    const std::string builder = Builder("b"), runner = Runner("r");
    if (i == 1) {
      BuildOne(builder);
      ASSERT_THAT(Lease(runner, 1), SizeIs(1));
    } else {
      ASSERT_THAT(Lease(builder, 1), SizeIs(1)) << i;
    }
    clock.now += 50;
    dispatcher.Tick();
  }
  ASSERT_THAT(done[1], SizeIs(1));
  EXPECT_THAT(std::get<Failure>(done[1][0]).message, HasSubstr("lost 3 times"));
}

TEST_F(DispatcherBuildsTest, ARefusedModuleCountsAgainstItsBuilderAndIsBuiltElsewhere) {
  const std::string bad = Builder("bad"), runner = Runner("r");
  std::string good;
  for (uint64_t i = 1; i <= 3; ++i) {
    Submit("job", i);
    BuildOne(bad);
    const LeasedTrial run = Lease(runner, 1).at(0);
    EXPECT_EQ(dispatcher
                  .ReportFault({.session = runner,
                                .attempt = run.attempt,
                                .fence = run.fence,
                                .reason = "another hash",
                                .of_builder = true})
                  .value(),
              ReportResult::kRequeued);
    EXPECT_EQ(dispatcher.HealthOf(runner).health, WorkerHealth::kGood);
    if (i == 1) {
      good = Builder("good");
      EXPECT_THAT(Lease(bad, 1), IsEmpty()) << "there is another one";
    }
    BuildOne(good);
    EXPECT_EQ(Report(runner, Lease(runner, 1).at(0), 0.5).value(), ReportResult::kRecorded);
  }
  EXPECT_EQ(dispatcher.HealthOf(bad).health, WorkerHealth::kBad) << "three in a row";
  EXPECT_TRUE(faulted.empty());
  EXPECT_THAT(stored, SizeIs(3));
}

TEST_F(DispatcherBuildsTest, AModuleIsKeptOnceAndOnlyFromABuilder) {
  const std::string builder = Builder("b"), runner = Runner("r"), both = Open("a");
  Submit("job", 1);
  const LeasedTrial build = Lease(builder, 1).at(0);
  EXPECT_TRUE(absl::IsPermissionDenied(Built(runner, build).status()));
  EXPECT_EQ(Built(builder, build).value(), ReportResult::kWaitsForRun);
  EXPECT_EQ(Built(builder, build).value(), ReportResult::kDuplicate);
  EXPECT_EQ(Built(builder, build, "other").value(), ReportResult::kConflict);
  LeasedTrial wrong = build;
  ++wrong.fence;
  EXPECT_EQ(Built(builder, wrong).value(), ReportResult::kDiscarded);
  Submit("job", 2);
  EXPECT_TRUE(absl::IsInvalidArgument(Built(both, Lease(both, 1).at(0)).status()));
}

TEST_F(DispatcherBuildsTest, AFailureToBuildIsAnOutcomeAndATimeOfABuilderIsAFault) {
  const std::string builder = Builder("b");
  Runner("r");
  Submit("job", 1);
  const LeasedTrial build = Lease(builder, 1).at(0);
  absl::StatusOr<ReportResult> result;
  dispatcher.Report({builder,
                     build.attempt,
                     build.fence,
                     {.outcome = Failure{FailureKind::kBuild, "no such knob"}}},
                    [&](auto reported) { result = reported; });
  EXPECT_EQ(*result, ReportResult::kRecorded);
  EXPECT_EQ(stored.at(0).measured.worker, "b");
  Submit("job", 2);
  EXPECT_TRUE(absl::IsInvalidArgument(Report(builder, Lease(builder, 1).at(0), 0.5).status()));
  EXPECT_THAT(stored, SizeIs(1));
  EXPECT_EQ(dispatcher.Counts().faults, 1u);
}

TEST_F(DispatcherBuildsTest, WhatNobodyWillRunSoonIsBuiltAgainLater) {
  const std::string builder = Builder("b"), runner = Runner("r");
  Submit("job", 1);
  BuildOne(builder);
  dispatcher.PauseJob("job", true);
  EXPECT_THAT(Lease(runner, 1), IsEmpty());
  dispatcher.PauseJob("job", false);
  EXPECT_THAT(Lease(runner, 1), IsEmpty()) << "a paused job keeps no modules";
  BuildOne(builder);
  dispatcher.CloseSession(runner);
  dispatcher.Tick();
  const std::string again = Runner("r");
  EXPECT_THAT(Lease(again, 1), IsEmpty()) << "nor does a key whose runners have left";
  BuildOne(builder);
  dispatcher.CancelJob("job");
  EXPECT_THAT(done[1], SizeIs(1));
  for (uint64_t i = 2; i < 10; ++i) Submit("job2", i);
  EXPECT_THAT(Lease(builder, 99), SizeIs(8)) << "nothing of the first is counted any more";
}

TEST_F(DispatcherBuildsTest, WhatWasBuiltForADrainedRunnerGoesToAWorkerThatDoesBoth) {
  const std::string builder = Builder("b"), runner = Runner("r"), both = Open("a");
  Submit("job", 1);
  BuildOne(builder);
  std::vector<LeasedTrial> leased;
  dispatcher.Lease(both, 1, 20, [&](auto got) { leased = got.value(); });
  dispatcher.Tick();
  EXPECT_THAT(leased, IsEmpty());
  ASSERT_TRUE(dispatcher.SetHealth("r", WorkerHealth::kMaintenance, "dust").ok());
  dispatcher.Tick();
  ASSERT_THAT(leased, SizeIs(1));
  EXPECT_EQ(leased[0].module, "");
}

TEST_F(DispatcherBuildsTest, MemoryOfModulesIsBounded) {
  Dispatcher small{clock,
                   {.module_bytes = 250},
                   [this] { return "s" + std::to_string(next_session++); },
                   [](FinishedTrial, Dispatcher::Then then) { then(absl::OkStatus()); }};
  const std::string builder = small.OpenSession(With("b", WorkerRole::kBuild)).value();
  const std::string runner = small.OpenSession(With("r", WorkerRole::kRun)).value();
  for (int i = 0; i < 4; ++i) small.Submit({.job = "job", .device_key = "cpu"}, [](Measured) {});
  std::vector<LeasedTrial> leased;
  small.Lease(builder, 4, 0, [&](auto got) { leased = got.value(); });
  ASSERT_THAT(leased, SizeIs(4));
  std::vector<ReportResult> results;
  for (const LeasedTrial& trial : leased) {
    results.push_back(*small.ReportBuilt(
        {builder, trial.attempt, trial.fence, {.sha256 = "x", .payload = std::string(100, 'm')}}));
  }
  EXPECT_THAT(results, ElementsAre(ReportResult::kWaitsForRun, ReportResult::kWaitsForRun,
                                   ReportResult::kRequeued, ReportResult::kRequeued));
}

TEST_F(DispatcherBuildsTest, CapacityNeedsBothKinds) {
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 0u);
  const std::string builder = Builder("b");
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 0u);
  const std::string runner = Runner("r");
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 8u);
  EXPECT_EQ(dispatcher.CapacityOf("cpu", 2), 0u) << "its slot has one core";
  dispatcher.CloseSession(builder);
  EXPECT_EQ(dispatcher.CapacityOf("cpu"), 0u);
}

TEST_F(DispatcherBuildsTest, ADrainedRunnerStopsTheBuilds) {
  const std::string builder = Builder("b"), runner = Runner("r");
  ASSERT_TRUE(dispatcher.SetHealth("r", WorkerHealth::kMaintenance, "dust").ok());
  Submit("job", 1);
  EXPECT_THAT(Lease(builder, 1), IsEmpty());
  ASSERT_TRUE(dispatcher.SetHealth("r", WorkerHealth::kGood, "").ok());
  EXPECT_THAT(Lease(builder, 1), SizeIs(1));
}

TEST_F(DispatcherBuildsTest, WhatARevokedBuilderBuiltWaitsForNobodyAndIsBuiltAgain) {
  const std::string evil = Builder("evil"), runner = Runner("r");
  Submit("job", 1);
  BuildOne(evil);
  revoked.insert("serial of " + evil);
  EXPECT_THAT(Lease(runner, 1), IsEmpty());
  dispatcher.Tick();
  const std::string builder = Builder("b");
  BuildOne(builder);
  EXPECT_EQ(Report(runner, Lease(runner, 1).at(0), 0.5).value(), ReportResult::kRecorded);
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].measured.builder, "b");
}

TEST_F(DispatcherBuildsTest, AModuleThatIsLeasedWhenItsBuilderIsRevokedIsNotHandedOut) {
  const std::string evil = Builder("evil"), builder = Builder("b"), runner = Runner("r");
  Submit("job", 1);
  BuildOne(evil);
  const LeasedTrial run = Lease(runner, 1).at(0);
  revoked.insert("serial of " + evil);
  const absl::Status status = dispatcher.ModuleOf(runner, run.attempt).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("evil"));
  dispatcher.Tick();
  EXPECT_THAT(dispatcher.Renew(runner, {run.attempt}).value(), ElementsAre(run.attempt));
  EXPECT_EQ(dispatcher.HealthOf(runner).health, WorkerHealth::kGood) << "it is not to blame";
  EXPECT_EQ(dispatcher.Counts().faults, 1u);
  EXPECT_EQ(Report(runner, run, 0.5).value(), ReportResult::kDiscarded) << "not even as late";
  BuildOne(builder);
  EXPECT_EQ(Report(runner, Lease(runner, 1).at(0), 0.5).value(), ReportResult::kRecorded);
  EXPECT_THAT(stored, SizeIs(1));
}

TEST_F(DispatcherBuildsTest, AResultThatComesAfterItsBuilderWasRevokedIsNoRecord) {
  const std::string evil = Builder("evil"), builder = Builder("b"), runner = Runner("r");
  Submit("job", 1);
  BuildOne(evil);
  const LeasedTrial run = Lease(runner, 1).at(0);
  revoked.insert("serial of " + evil);
  EXPECT_EQ(Report(runner, run, 0.5).value(), ReportResult::kRequeued);
  EXPECT_THAT(stored, IsEmpty());
  BuildOne(builder);
  EXPECT_EQ(Report(runner, Lease(runner, 1).at(0), 0.5).value(), ReportResult::kRecorded);
  EXPECT_EQ(stored.at(0).measured.builder, "b");
}

TEST_F(DispatcherBuildsTest, UsersShareBuildersAndRunnersEvenly) {
  const std::string builder = Builder("b"), runner = Runner("r");
  for (uint64_t i = 0; i < 20; ++i) {
    for (const char* owner : {"ann", "bob"}) {
      TrialRequest request{.job = owner, .device_key = "cpu", .index = i, .owner = owner};
      dispatcher.Submit(std::move(request), [](Measured) {});
    }
  }
  std::map<std::string, int> served;
  for (int i = 0; i < 10; ++i) {
    BuildOne(builder);
    const LeasedTrial run = Lease(runner, 1).at(0);
    ++served[run.request.owner];
    EXPECT_EQ(Report(runner, run, 0.5).value(), ReportResult::kRecorded);
  }
  EXPECT_EQ(served["ann"], 5);
  EXPECT_EQ(served["bob"], 5);
}

}  // namespace
}  // namespace tilewright
