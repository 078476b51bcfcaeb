// Whole networks as the dispatcher gives them to workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/farm/dispatcher_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DispatcherNetworks : public DispatcherTest {
 protected:
  static TrialRequest Network(const std::string& job = "job", uint32_t threads = 1) {
    TrialRequest request{.job = job, .device_key = "cpu"};
    request.task = std::make_shared<const Task>(Task{.target = ParseTarget("cpu").value()});
    request.options.threads = threads;
    request.network = std::make_shared<const std::string>("round");
    return request;
  }
  void SubmitNetwork(const TrialRequest& request = Network()) {
    dispatcher.Submit(request, [this](Measured measured) { results.push_back(measured); });
  }
  std::string OpenFor(const std::string& name, uint32_t cores = 1) {
    WorkerInfo worker = Worker(name);
    worker.networks = true;
    worker.slot_cores = cores;
    return dispatcher.OpenSession(worker).value();
  }
  absl::StatusOr<ReportResult> Tell(const std::string& session, const LeasedTrial& leased,
                                    const std::string& times = "times") {
    return dispatcher.ReportNetwork({session, leased.attempt, leased.fence, times});
  }
  std::vector<Measured> results;
};

TEST_F(DispatcherNetworks, GoOnlyToWorkersThatTakeThem) {
  SubmitNetwork();
  EXPECT_THAT(Lease(Open("old"), 4), IsEmpty());
  const std::string session = OpenFor("new");
  const auto leased = Lease(session, 4);
  ASSERT_THAT(leased, SizeIs(1));
  EXPECT_EQ(*leased[0].request.network, "round");
  EXPECT_EQ(Tell(session, leased[0]).value(), ReportResult::kRecorded);
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_EQ(results[0].network, "times");
  EXPECT_EQ(results[0].worker, "new");
  EXPECT_THAT(stored, IsEmpty()) << "it is no measurement of a kernel";
}

TEST_F(DispatcherNetworks, OfSeveralThreadsWaitForASlotOfSoManyCores) {
  SubmitNetwork(Network("job", 2));
  EXPECT_THAT(Lease(OpenFor("narrow"), 1), IsEmpty());
  EXPECT_THAT(Lease(OpenFor("wide", 2), 1), SizeIs(1));
}

TEST_F(DispatcherNetworks, FillALeaseEach) {
  SubmitNetwork(Network("one"));
  SubmitNetwork(Network("two"));
  const std::string session = OpenFor("w");
  EXPECT_THAT(Lease(session, 4), SizeIs(1));
  EXPECT_THAT(Lease(session, 4), SizeIs(1));
}

TEST_F(DispatcherNetworks, ALostOneIsGivenToAnotherAndTheLateWordIsDiscarded) {
  SubmitNetwork();
  const std::string first = OpenFor("first");
  const LeasedTrial lost = Lease(first, 1).at(0);
  clock.now += 31;
  dispatcher.Tick();
  const std::string second = OpenFor("second");
  const LeasedTrial again = Lease(second, 1).at(0);
  EXPECT_EQ(Tell(first, lost, "late").value(), ReportResult::kDiscarded);
  EXPECT_THAT(results, IsEmpty());
  EXPECT_EQ(Tell(second, again).value(), ReportResult::kRecorded);
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_EQ(results[0].worker, "second");
}

TEST_F(DispatcherNetworks, WorkersFaultsAreNoResultUntilThereAreTooMany) {
  SubmitNetwork();
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_THAT(results, IsEmpty());
    const std::string session = OpenFor(name);
    Fault(session, Lease(session, 1).at(0)).value();
  }
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_THAT(results[0].fault, HasSubstr("disk full"));
  EXPECT_THAT(results[0].network, IsEmpty());
}

TEST_F(DispatcherNetworks, TheSameReportAgainIsADuplicateAndAnotherOneAConflict) {
  SubmitNetwork();
  const std::string session = OpenFor("w");
  const LeasedTrial leased = Lease(session, 1).at(0);
  ASSERT_EQ(Tell(session, leased).value(), ReportResult::kRecorded);
  EXPECT_EQ(Tell(session, leased).value(), ReportResult::kDuplicate);
  EXPECT_EQ(Tell(session, leased, "other").value(), ReportResult::kConflict);
  EXPECT_THAT(results, SizeIs(1));
}

TEST_F(DispatcherNetworks, AKernelsTimeOfANetworkIsAFaultAndStoredNowhere) {
  SubmitNetwork();
  const std::string session = OpenFor("w");
  const LeasedTrial leased = Lease(session, 1).at(0);
  EXPECT_TRUE(absl::IsInvalidArgument(Report(session, leased, 0.5).status()));
  EXPECT_THAT(stored, IsEmpty());
  EXPECT_EQ(dispatcher.Counts().faults, 1u);
}

TEST_F(DispatcherNetworks, ANetworksTimesOfAKernelAreRefused) {
  Submit("job", 1);
  const std::string session = OpenFor("w");
  const LeasedTrial leased = Lease(session, 1).at(0);
  EXPECT_TRUE(absl::IsInvalidArgument(Tell(session, leased).status()));
  EXPECT_THAT(done[1], IsEmpty());
}

TEST_F(DispatcherNetworks, AnotherSessionMayNotReportThem) {
  SubmitNetwork();
  const LeasedTrial leased = Lease(OpenFor("w"), 1).at(0);
  EXPECT_TRUE(absl::IsPermissionDenied(Tell(OpenFor("other"), leased).status()));
}

TEST_F(DispatcherNetworks, OfAPausedJobWaitAndOfACancelledOneAreDropped) {
  SubmitNetwork();
  const std::string session = OpenFor("w");
  dispatcher.PauseJob("job", true);
  EXPECT_THAT(Lease(session, 1), IsEmpty());
  dispatcher.PauseJob("job", false);
  EXPECT_THAT(Lease(session, 1), SizeIs(1));
  dispatcher.CancelJob("job");
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_TRUE(results[0].dropped);
}

TEST_F(DispatcherNetworks, AWorkerForThemIsWaitedForAfterTheStartAndWhenItLeft) {
  EXPECT_TRUE(absl::IsUnavailable(dispatcher.MayTimeNetwork(Network())));
  clock.now += 91;
  EXPECT_TRUE(absl::IsFailedPrecondition(dispatcher.MayTimeNetwork(Network())));
  Open("old");
  EXPECT_THAT(dispatcher.MayTimeNetwork(Network()).message(), HasSubstr("builds and runs"));
  const std::string session = OpenFor("new");
  EXPECT_TRUE(dispatcher.MayTimeNetwork(Network()).ok());
  EXPECT_THAT(dispatcher.MayTimeNetwork(Network("job", 8)).message(), HasSubstr("8 cores"));
  dispatcher.CloseSession(session);
  EXPECT_TRUE(absl::IsUnavailable(dispatcher.MayTimeNetwork(Network())));
  clock.now += 91;
  EXPECT_TRUE(absl::IsFailedPrecondition(dispatcher.MayTimeNetwork(Network())));
}

TEST_F(DispatcherNetworks, NobodyWaitsForAWorkerForThemWhereOnlyOthersServeTheKey) {
  Open("builder");
  EXPECT_TRUE(absl::IsFailedPrecondition(dispatcher.MayTimeNetwork(Network())));
}

}  // namespace
}  // namespace tilewright
