// What every record store promises of jobs.
#include "tests/records/store_contract.h"

namespace tilewright {
namespace {

using JobContract = StoreContract;

TEST_P(JobContract, AJobIsReplacedAndItsStepsStay) {
  JobRow job{.id = "j", .owner = "ann", .request = "r", .weight = 3, .state = "running"};
  job.spec = std::string("\0\xff'\\", 4);
  job.name = "resnet18";
  job.device_key = "xeon";
  job.tasks = 12;
  job.budget = 1ull << 41;
  job.created = 1795000000.1234567;
  const JobRow other{.id = "k", .owner = "ann", .state = "done", .created = 5};
  const std::vector<JobStepRow> steps = {{"j", 1, 0.5, "{}"}, {"j", 2, 1.5, "\u00e9"}};
  ASSERT_TRUE(store_->Commit({.steps = steps, .jobs = {&job, 1}}).ok());
  ASSERT_TRUE(store_->Commit({.jobs = {&other, 1}}).ok());
  job.state = "paused";
  job.trials = 1ull << 40;
  const JobStepRow again{"j", 2, 9, "another"};
  ASSERT_TRUE(store_->Commit({.steps = {&again, 1}, .jobs = {&job, 1}}).ok());
  EXPECT_EQ(store_->FindJob("j")->value(), job);
  EXPECT_EQ(store_->FindRequest("ann", "r")->value(), job);
  EXPECT_EQ(*store_->FindRequest("bob", "r"), std::nullopt);
  EXPECT_EQ(*store_->FindRequest("ann", ""), std::nullopt);
  job.state = "done";
  job.result = std::string("\0\x1", 2);
  ASSERT_TRUE(store_->Commit({.jobs = {&job, 1}}).ok());
  EXPECT_EQ(store_->FindJob("j")->value(), job);
  std::vector<JobStepRow> found;
  const auto visit = [&](const JobStepRow& step) { return found.push_back(step), true; };
  ASSERT_TRUE(store_->ForEachStep("j", 2, visit).ok());
  EXPECT_EQ(found, std::vector{steps[1]});
}

TEST_P(JobContract, AListOfJobsLeavesOutWhatIsLarge) {
  JobRow running{.id = "j", .state = "running", .spec = "spec", .result = "result", .created = 7};
  running.name = "resnet18";
  running.tasks = 12;
  const JobRow done{.id = "k", .state = "done", .spec = "another", .created = 5};
  ASSERT_TRUE(store_->Commit({.jobs = std::vector{done, running}}).ok());
  running.spec = running.result = "";
  EXPECT_EQ(*store_->Jobs(/*unfinished=*/true), std::vector{running});
  const std::vector<JobRow> all = store_->Jobs(/*unfinished=*/false).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, "k") << "oldest first";
  EXPECT_EQ(all[1], running);
}

// Longer than what an index of PostgreSQL takes as one entry.

INSTANTIATE_TEST_SUITE_P(Stores, JobContract, testing::ValuesIn(kStores), NameOfStore);

}  // namespace
}  // namespace tilewright
