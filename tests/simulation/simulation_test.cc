// The simulation itself: it repeats itself exactly, and it notices what must not be.
#include "tests/simulation/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <vector>

#include "proto/network.pb.h"
#include "tests/records/sample_records.h"
#include "tests/simulation/lease_rules.h"
#include "tests/simulation/witness.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Simulation, TheSameSeedTellsTheSameStory) {
  const SimulationResult first = Simulate({.seed = 3}), again = Simulate({.seed = 3});
  EXPECT_EQ(first.hash, again.hash);
  EXPECT_EQ(first.story, again.story);
  EXPECT_THAT(first.violations, IsEmpty());
  EXPECT_NE(first.hash, Simulate({.seed = 4}).hash);
}

TEST(World, GoesOnWhileAnActivityWaitsWithinAStep) {
  World world(1, false);
  std::promise<void> told;
  const std::shared_future<void> done = told.get_future().share();
  std::vector<bool> was_done;
  const auto activity = world.Make([&]() -> std::optional<double> {
    for (int i = 0; i < 2; ++i) was_done.push_back(world.WaitFor(done, 5));
    return std::nullopt;
  });
  activity->Wake();
  world.After(7, [&] { told.set_value(); });
  while (world.Next()) {
  }
  EXPECT_THAT(was_done, ElementsAre(false, true));
  EXPECT_EQ(world.Now(), 7);
  activity->Join();
}

TEST(World, AnActivityThatIsJoinedWaitsNoMore) {
  World world(1, false);
  std::promise<void> never;
  const std::shared_future<void> done = never.get_future().share();
  std::vector<bool> was_done;
  const auto activity = world.Make([&]() -> std::optional<double> {
    was_done.push_back(world.WaitFor(done, 1000));
    return std::nullopt;
  });
  activity->Wake();
  EXPECT_TRUE(world.Next());
  EXPECT_THAT(was_done, IsEmpty());
  activity->Join();
  EXPECT_THAT(was_done, ElementsAre(false));
  EXPECT_EQ(world.Now(), 0);
}

TEST(Simulation, DecidesWholeNetworks) {
  uint64_t networks = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) networks += Simulate({.seed = seed}).networks;
  EXPECT_GT(networks, 0u);
}

TEST(Simulation, MeasuresAgainWhatWasWithdrawn) {
  uint64_t withdrawn = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) withdrawn += Simulate({.seed = seed}).withdrawn;
  EXPECT_GT(withdrawn, 0u);
}

class Witnessed : public ::testing::Test {
 protected:
  World world{1, false};
  Witness witness{world};
  LeaseRules rules{world, witness};
  std::unique_ptr<RecordStore> store = MakeMemoryStore();
  TrialRequest request{.job = "job", .device_key = "key", .number = 7};
  const WorkerInfo worker{.name = "w", .device_key = "key"};
  void Lease(uint64_t attempt) { rules.OnLeased({attempt, request, worker}, 0); }
};

TEST_F(Witnessed, ARecordThatWasAcknowledgedAndIsNotThereIsLost) {
  const Record record = SampleRecord("1-1");
  ASSERT_TRUE(store->Append({&record, 1}).ok());
  witness.OnRecorded("1-1");
  witness.CheckStore(*store);
  EXPECT_THAT(witness.violations(), IsEmpty());
  witness.OnRecorded("1-2");
  witness.CheckStore(*store);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("1-2 was acknowledged and is lost")));
}

TEST_F(Witnessed, ARecordThatWasWithdrawnAndIsStillTrustedIsNoticed) {
  const Record record = SampleRecord("1-1");
  ASSERT_TRUE(store->Append({&record, 1}).ok());
  witness.OnRecorded("1-1");
  witness.OnWithdrawn("1-1");
  witness.CheckStore(*store);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("1-1 was withdrawn")));
  const Revocation revocation{.run_id = "1-1", .reason = "slow"};
  ASSERT_TRUE(store->Commit({.revocations = {&revocation, 1}}).ok());
  witness.CheckStore(*store);
  EXPECT_EQ(witness.violations().size(), 1u) << "it is there, and revoked";
}

TEST_F(Witnessed, AJobThatWasCancelledAndRunsAgainIsNoticed) {
  JobRow row{.id = "job", .state = "running"};
  ASSERT_TRUE(store->Commit({.jobs = {&row, 1}}).ok());
  witness.OnSubmitted("job");
  witness.OnCancelled("job");
  witness.CheckStore(*store);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("was cancelled, and is running")));
}

TEST_F(Witnessed, ADecisionInTheNetworkThatIsNotRecordedWholeIsNoticed) {
  Record decision = SampleRecord("in-network 1");
  decision.job = "job";
  decision.record_class = kInNetworkClass;
  ASSERT_TRUE(store->Append({&decision, 1}).ok());
  v1::NetworkResult result;
  result.add_layers()->set_workload(decision.task.workload.Key());
  v1::JobEvent end;
  end.set_network(result.SerializeAsString());
  const JobRow row{.id = "job", .state = "done", .result = end.SerializeAsString()};
  witness.CheckNetwork(*store, row);
  EXPECT_THAT(witness.violations(), IsEmpty());
  EXPECT_EQ(witness.networks(), 1u);
  result.add_layers()->set_workload("another");
  end.set_network(result.SerializeAsString());
  witness.CheckNetwork(*store, {.id = "job", .state = "done", .result = end.SerializeAsString()});
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("job has decided is not recorded")));
}

TEST_F(Witnessed, EventsComeInOrderAndStayWhatTheyWere) {
  v1::JobEvent event;
  event.set_sequence(1);
  event.set_state(v1::RUNNING);
  witness.OnEvent("job", event);
  witness.OnEvent("job", event);
  EXPECT_THAT(witness.violations(), IsEmpty());
  event.mutable_trial()->set_seconds(2);
  witness.OnEvent("job", event);
  event.set_sequence(3);
  witness.OnEvent("job", event);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("event 1 of job was"),
                                                HasSubstr("event 3 of job came after 1")));
}

TEST_F(Witnessed, ATrialWithTwoWorkersIsNoticedAndOneThatWasLostBeforeIsNot) {
  Lease(1);
  rules.OnLost({1, request, worker});
  Lease(2);
  EXPECT_THAT(witness.violations(), IsEmpty());
  Lease(3);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("trial 7 of job is leased twice")));
}

TEST_F(Witnessed, ALeaseToAWorkerThatSaysItIsBadIsNoticed) {
  rules.OnOwnWord("w", false);
  Lease(1);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("while it was unfit")));
}

TEST_F(Witnessed, AUserWhoIsServedOverAndOverWhileAnotherWaitsIsNoticed) {
  for (uint64_t i = 0; i < 30; ++i) {
    request.number = i;
    request.owner = "ann";
    Lease(i + 1);
    rules.OnLost({i + 1, request, worker});
  }
  request.number = 99;
  request.owner = "bob";
  rules.OnLeased({100, request, worker}, /*waited=*/10);
  EXPECT_THAT(witness.violations(), ElementsAre(HasSubstr("ann was leased 30 trials")));
}

}  // namespace
}  // namespace tilewright
