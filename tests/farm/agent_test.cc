// A real worker with its builder and runner processes against a real server.
#include "worker/agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "tests/farm/fake_programs.h"
#include "tests/paths.h"
#include "tuner/server/server.h"
#include "worker/agent/agent_parts.h"
#include "worker/machine/this_machine.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr char kBin[] = TILEWRIGHT_BIN_DIR;

AgentOptions Options(const std::string& server, const std::string& folder) {
  return {.server = {server, nullptr},
          .key = "cpu",
          .name = "test-worker",
          .runner = std::string(kBin) + "/tilewright-runner",
          .builder = std::string(kBin) + "/tilewright-builder",
          .temp_folder = folder};
}

class AgentSelfTest : public ::testing::Test {
 protected:
  absl::Status StartWith(const std::string& runner, const std::string& builder) {
    AgentOptions options = Options("unix:/nonexistent", folder_->path());
    if (!runner.empty()) options.runner = runner;
    if (!builder.empty()) options.builder = builder;
    return Agent::Start(options).status();
  }
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(AgentSelfTest, ABuilderThatDoesNotStartIsSaidAtOnce) {
  const absl::Status status = StartWith("", "/bin/true");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/bin/true does not start"));
}

TEST_F(AgentSelfTest, AMissingRunnerIsSaidAtOnce) {
  const absl::Status status = StartWith("/nonexistent/runner", "");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/runner"));
}

TEST_F(AgentSelfTest, ARunnerThatFindsWrongResultsIsSaidAtOnce) {
  const absl::Status status = StartWith(
      FakeRunner(folder_->path() + "/runner", "ready\necho $token wrong_result odd >&3\n"), "");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("odd"));
}

// A server with one job of a few trials, and what its records say.
class AgentTest : public ::testing::Test {
 protected:
  // Blocks until a worker is there; gives the job's id.
  std::string Submit(int trials) {
    v1::ListWorkersReply workers;
    while (workers.workers().empty()) {
      grpc::ClientContext context;
      EXPECT_TRUE(client_->ListWorkers(&context, {}, &workers).ok());
    }
    v1::SubmitJobRequest submit;
    submit.mutable_spec()->set_key("cpu");
    submit.mutable_spec()->set_tuner("random");
    submit.mutable_spec()->set_trials(trials);
    v1::JobTask& task = *submit.mutable_spec()->add_tasks();
    task.mutable_task()->set_workload("dense(float32[4,64],float32[64,64];,NK16n,)+bias+relu");
    task.mutable_task()->set_template_name("dense_pack.cpu");
    task.mutable_task()->set_target(workers.workers(0).device().target());
    grpc::ClientContext context;
    v1::SubmitJobReply job;
    const grpc::Status status = client_->SubmitJob(&context, submit, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job.job();
  }
  v1::JobEvent End(const std::string& job) {
    v1::WatchJobRequest watch;
    watch.set_job(job);
    grpc::ClientContext context;
    const auto reader = client_->WatchJob(&context, watch);
    v1::JobEvent last;
    for (v1::JobEvent event; reader->Read(&event);) last = event;
    return last;
  }

  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  const SystemClock clock_;
  const std::unique_ptr<Server> server_ =
      Server::Start({.listen = "unix:" + folder_->path() + "/s"}, *store_, clock_).value();
  const std::unique_ptr<v1::TuningService::Stub> client_ =
      v1::TuningService::NewStub(MakeChannel({server_->address(), nullptr}));
};

TEST_F(AgentTest, AWorkerMeasuresAJobsTrialsAndLeavesNothingBehind) {
  const auto files = PrivateFolder::Make(folder_->path()).value();
  auto agent = Agent::Start(Options(server_->address(), files->path())).value();
  const std::string job = Submit(6);
  const v1::JobEvent last = End(job);
  EXPECT_EQ(last.state(), v1::DONE) << last.message();
  EXPECT_EQ(store_->Count({.job = job, .only_ok = true}).value(), 6);
  const Record best = store_->Best({.job = job}).value().value();
  EXPECT_EQ(best.worker, "test-worker");
  EXPECT_EQ(best.device, CpuName());
  EXPECT_GT(best.build_seconds, 0);
  EXPECT_GT(best.run_seconds, 0);
  agent.reset();
  for (const auto& entry : std::filesystem::directory_iterator(files->path())) {
    EXPECT_EQ(entry.path().filename(), "lock");
  }
}

// It would ask in the same words for ever.
TEST_F(AgentTest, AWorkerThatTheServerRefusesEndsWithTheReason) {
  AgentOptions options = Options(server_->address(), folder_->path());
  options.name = "two\nlines";
  std::promise<absl::Status> ended;
  options.ended = [&](absl::Status why) { ended.set_value(std::move(why)); };
  const auto agent = Agent::Start(options).value();
  const absl::Status why = ended.get_future().get();
  EXPECT_TRUE(absl::IsInvalidArgument(why)) << why;
  EXPECT_THAT(std::string(why.message()), HasSubstr("control characters in a name"));
}

// While it builds, runs, reports and renews.
TEST_F(AgentTest, AWorkerThatEndsAmidItsWorkLeavesNothingBehind) {
  const auto files = PrivateFolder::Make(folder_->path()).value();
  std::string job;
  for (int64_t records = 1; records <= 5; records += 2) {
    const auto agent = Agent::Start(Options(server_->address(), files->path())).value();
    if (job.empty()) job = Submit(500);  // to a worker that is there
    while (store_->Count({.job = job}).value() < records) std::this_thread::yield();
  }
  for (const auto& entry : std::filesystem::directory_iterator(files->path())) {
    EXPECT_EQ(entry.path().filename(), "lock");
  }
  EXPECT_LT(store_->Count({.job = job}).value(), 500);
}

TEST_F(AgentTest, AWorkerWhoseRunnerVanishesRecordsNothingAndGoesOnWhenItIsBack) {
  const std::string real = std::string(kBin) + "/tilewright-runner";
  AgentOptions options = Options(server_->address(), folder_->path());
  options.runner = folder_->path() + "/runner";
  std::filesystem::create_symlink(real, options.runner);
  std::mutex mutex;
  std::vector<std::string> warnings;
  options.warn = [&](const std::string& line) {
    std::lock_guard lock(mutex);
    if (!absl::StrContains(line, "takes no more work")) return;
    if (warnings.empty()) std::filesystem::create_symlink(real, options.runner);
    warnings.push_back(line);
  };
  const auto agent = Agent::Start(options).value();
  std::filesystem::remove(options.runner);
  const std::string job = Submit(6);
  EXPECT_EQ(End(job).state(), v1::DONE);
  std::lock_guard lock(mutex);
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(warnings[0], HasSubstr("takes no more work"));
  EXPECT_EQ(store_->Count({.job = job}).value(), 6);
  EXPECT_EQ(store_->Count({.job = job, .only_ok = true}).value(), 6) << "no fault became a record";
}

// A slot that drifts: its test kernel takes four times as long as at the start, then as long again.
TEST_F(AgentTest, WhatASlotThatBecameSlowMeasuredIsWithdrawnAndMeasuredAgainOnceItIsWell) {
  constexpr int kTrials = 30;
  const std::string slow = folder_->path() + "/slow";
  AgentOptions options = Options(server_->address(), folder_->path());
  options.runner =
      FakeRunner(folder_->path() + "/runner", "ready\nif [ -e " + slow +
                                                  " ]; then echo $token ok 0.02 >&3; exit; fi\n"
                                                  "echo $token ok 0.005 >&3\n");
  options.checkup_seconds = 0.2;
  std::promise<std::string> found;
  std::atomic<int> warned = 0;
  options.warn = [&](const std::string& line) {
    const bool is_it = absl::StrContains(line, "takes no more work");
    if (is_it && warned++ == 0) found.set_value(line);
  };
  const auto agent = Agent::Start(options).value();
  const std::string job = Submit(kTrials);
  while (store_->Count({.job = job}).value() < 5) std::this_thread::yield();
  std::ofstream(slow) << "x";
  RecordFilter withdrawn{.job = job, .revoked = true};
  while (store_->Count(withdrawn).value() == 0) std::this_thread::yield();
  EXPECT_THAT(found.get_future().get(), HasSubstr("slot 0 has become slow"));
  v1::ListWorkersReply workers;
  do {
    grpc::ClientContext context;
    ASSERT_TRUE(client_->ListWorkers(&context, {}, &workers).ok());
  } while (workers.workers_size() != 1 || workers.workers(0).health() != v1::BAD);
  EXPECT_THAT(workers.workers(0).health_reason(), HasSubstr("has become slow"));
  EXPECT_LT(store_->Count({.job = job}).value(), kTrials);
  std::filesystem::remove(slow);
  EXPECT_EQ(End(job).state(), v1::DONE);
  EXPECT_EQ(store_->Count({.job = job, .only_ok = true}).value(), kTrials)
      << "beside " << store_->Count(withdrawn).value() << " that were withdrawn";
  const std::vector<Revocation> revocations = store_->Revocations().value();
  for (const Revocation& one : revocations) {
    EXPECT_THAT(one.reason, HasSubstr("suspect: slot 0 has become slow"));
    EXPECT_EQ(one.by, "test-worker");
  }
}

TEST(AgentParts, OnlyRealWorkersThatDoBothTakeWholeNetworks) {
  AgentOptions options{.network_runner = "/bin/true"};
  EXPECT_TRUE(TakesNetworks(options));
  options.simulate = [](const Task&, const Config&) { return Outcome{}; };
  EXPECT_FALSE(TakesNetworks(options));
  options.simulate = nullptr;
  options.role = v1::WORKER_ROLE_RUN;
  EXPECT_FALSE(TakesNetworks(options));
}

}  // namespace
}  // namespace tilewright
