// A real worker with its builder and runner processes against a real server.
#include "worker/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "tuner/server/server.h"
#include "worker/device.h"
#include "worker/private_folder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kBin[] = TILEWRIGHT_BIN_DIR;

AgentOptions Options(const std::string& server, const std::string& folder) {
  return {.server = server,
          .key = "cpu",
          .name = "test-worker",
          .runner = std::string(kBin) + "/tilewright-runner",
          .builder = std::string(kBin) + "/tilewright-builder",
          .temp_folder = folder};
}

TEST(Agent, MeasuresAJobsTrialsAndLeavesNothingBehind) {
  const auto folder = PrivateFolder::Make(::testing::TempDir()).value();
  const auto files = PrivateFolder::Make(folder->path()).value();
  const auto store = MakeMemoryStore();
  const SystemClock clock;
  const auto server =
      Server::Start({.listen = "unix:" + folder->path() + "/s"}, *store, clock).value();
  auto agent = Agent::Start(Options(server->address(), files->path())).value();

  const auto client = v1::TuningService::NewStub(MakeChannel(server->address()));
  v1::ListWorkersReply workers;
  while (workers.workers().empty()) {
    grpc::ClientContext context;
    ASSERT_TRUE(client->ListWorkers(&context, {}, &workers).ok());
  }
  v1::SubmitJobRequest submit;
  submit.mutable_spec()->set_key("cpu");
  submit.mutable_spec()->set_tuner("random");
  submit.mutable_spec()->set_trials(6);
  v1::JobTask& task = *submit.mutable_spec()->add_tasks();
  task.mutable_task()->set_workload("dense(float32[4,64],float32[64,64];,NK16n,)+bias+relu");
  task.mutable_task()->set_template_name("dense_pack.cpu");
  task.mutable_task()->set_target(workers.workers(0).device().target());
  grpc::ClientContext submit_context, watch_context;
  v1::SubmitJobReply job;
  const grpc::Status status = client->SubmitJob(&submit_context, submit, &job);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::WatchJobRequest watch;
  watch.set_job(job.job());
  const auto reader = client->WatchJob(&watch_context, watch);
  v1::JobEvent last;
  for (v1::JobEvent event; reader->Read(&event);) last = event;

  EXPECT_EQ(last.state(), v1::DONE) << last.message();
  EXPECT_EQ(store->Count({.job = job.job(), .only_ok = true}).value(), 6);
  const Record best = store->Best({.job = job.job()}).value().value();
  EXPECT_EQ(best.worker, "test-worker");
  EXPECT_EQ(best.device, CpuName());
  EXPECT_GT(best.build_seconds, 0);
  EXPECT_GT(best.run_seconds, 0);
  agent.reset();
  EXPECT_TRUE(std::filesystem::is_empty(files->path()));
}

TEST(Agent, ABuilderThatDoesNotStartIsSaidAtOnce) {
  AgentOptions options = Options("unix:/nonexistent", ::testing::TempDir());
  options.builder = "/bin/true";
  const absl::Status status = Agent::Start(options).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/bin/true does not start"));
}

TEST(CorePlan, SlotsTakeTheLastCoresAndTheOthersBuild) {
  const CorePlan plan = PlanCores({0, 1, 2, 5}, 2).value();
  EXPECT_EQ(plan.slots, (std::vector<std::vector<int>>{{5}, {2}}));
  EXPECT_EQ(plan.others, (std::vector<int>{0, 1}));
}

TEST(CorePlan, OneCoreIsShared) {
  const CorePlan plan = PlanCores({3}, 1).value();
  EXPECT_EQ(plan.slots, (std::vector<std::vector<int>>{{3}}));
  EXPECT_EQ(plan.others, (std::vector<int>{3}));
}

TEST(CorePlan, MoreSlotsThanCoresAreRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(PlanCores({0, 1}, 3).status()));
}

}  // namespace
}  // namespace tilewright
