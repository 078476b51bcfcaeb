// A worker that only builds and one that only runs, real ones, against a real server over TLS; and
// what becomes of modules that are not what they should be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "base/clock.h"
#include "compiler/core/config.h"
#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "security/authority.h"
#include "tests/paths.h"
#include "tests/records/sample_records.h"
#include "tuner/server/server.h"
#include "worker/agent/agent.h"
#include "worker/pipeline/module_seal.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/builder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr char kPrograms[] = TILEWRIGHT_BIN_DIR;
constexpr int kTrials = 6;

class RolesTest : public ::testing::Test {
 protected:
  static int64_t Now() { return static_cast<int64_t>(SystemClock().UnixTime()); }
  std::shared_ptr<const Credentials> Issue(Authority& ca, const Identity& identity) {
    CertificateRequest request{.identity = identity, .validity = {Now(), 5}};
    if (identity.role == Role::kServer) request.hosts = {"127.0.0.1"};
    const std::string folder = tls_ / std::to_string(issued_++);
    EXPECT_TRUE(ca.Issue(request, folder).ok());
    return std::make_shared<const Credentials>(LoadCredentials(folder, Now()).value());
  }
  Endpoint As(const std::shared_ptr<const Credentials>& own) { return {server_->address(), own}; }

  std::unique_ptr<Agent> Start(const std::string& name, v1::WorkerRole role) {
    AgentOptions options{.server = As(Issue(ca_, {Role::kWorker, name, {"cpu"}})),
                         .key = "cpu",
                         .name = name,
                         .runner = std::string(kPrograms) + "/tilewright-runner",
                         .builder = std::string(kPrograms) + "/tilewright-builder",
                         .role = role,
                         .temp_folder = folder_->path()};
    if (role == v1::WORKER_ROLE_RUN) {
      options.target = target_;
      options.builder = "/nonexistent/builder";  // a machine without a compiler
      options.canary = std::string(kPrograms) + "/tilewright-canary.so";
    }
    options.warn = [this](const std::string& line) {
      std::lock_guard lock(mutex_);
      warnings_ += line + "\n";
    };
    auto agent = Agent::Start(options);
    EXPECT_TRUE(agent.ok()) << agent.status();
    return *std::move(agent);
  }
  std::string warnings() {
    std::lock_guard lock(mutex_);
    return warnings_;
  }

  std::string Submit() {
    v1::SubmitJobRequest submit;
    submit.mutable_spec()->set_key("cpu");
    submit.mutable_spec()->set_tuner("random");
    submit.mutable_spec()->set_trials(kTrials);
    v1::JobTask& task = *submit.mutable_spec()->add_tasks();
    task.mutable_task()->set_workload("dense(float32[4,64],float32[64,64];,NK16n,)+bias+relu");
    task.mutable_task()->set_template_name("dense_pack.cpu");
    task.mutable_task()->set_target(target_);
    grpc::ClientContext context;
    v1::SubmitJobReply job;
    const grpc::Status status = client_->SubmitJob(&context, submit, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job.job();
  }
  // Its last event; `trial` sees each trial's.
  v1::JobEvent End(const std::string& job,
                   const std::function<void(const v1::TrialEvent&)>& trial = nullptr) {
    v1::WatchJobRequest watch;
    watch.set_job(job);
    grpc::ClientContext context;
    const auto reader = client_->WatchJob(&context, watch);
    v1::JobEvent last;
    for (v1::JobEvent event; reader->Read(&event); last = event) {
      if (event.has_trial() && trial) trial(event.trial());
    }
    return last;
  }
  uint64_t FaultsOf(const std::string& name) {
    grpc::ClientContext context;
    v1::ListWorkersReply reply;
    EXPECT_TRUE(client_->ListWorkers(&context, {}, &reply).ok());
    for (const v1::WorkerSummary& worker : reply.workers()) {
      if (worker.worker() == name) return worker.faults();
    }
    return 0;
  }

  const TempFolder tls_;
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
  const std::string target_ =
      Builder({.path = std::string(kPrograms) + "/tilewright-builder"}).HostTarget().value();
  int issued_ = 0;
  Authority ca_ = Authority::Create(tls_ / "ca", "farm", {Now(), 10}).value();
  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  const SystemClock clock_;
  std::mutex mutex_;
  std::string warnings_;
  const std::shared_ptr<const Credentials> farm_ = Issue(ca_, {Role::kServer, "farm", {}});
  const std::unique_ptr<Server> server_ =
      Server::Start({.listen = "127.0.0.1:0", .credentials = farm_}, *store_, clock_).value();
  const std::unique_ptr<v1::TuningService::Stub> client_ =
      v1::TuningService::NewStub(MakeChannel(As(Issue(ca_, {Role::kAdmin, "root", {}}))));
};

TEST_F(RolesTest, OneBuildsAndTheOtherRuns) {
  const auto builder = Start("big", v1::WORKER_ROLE_BUILD);
  const auto runner = Start("board", v1::WORKER_ROLE_RUN);
  ASSERT_TRUE(builder && runner);
  const std::string job = Submit();
  int events = 0;
  const v1::JobEvent last = End(job, [&](const v1::TrialEvent& trial) {
    ++events;
    EXPECT_EQ(trial.worker(), "board");
    EXPECT_EQ(trial.builder(), "big");
    EXPECT_GT(trial.build_seconds(), 0);
  });
  EXPECT_EQ(last.state(), v1::DONE) << last.message();
  EXPECT_EQ(events, kTrials);
  EXPECT_EQ(store_->Count({.job = job, .only_ok = true}).value(), kTrials);
  const Record best = store_->Best({.job = job}).value().value();
  EXPECT_EQ(best.worker, "board");
  EXPECT_EQ(best.builder, "big");
  EXPECT_EQ(FaultsOf("big") + FaultsOf("board"), 0u) << warnings();
}

v1::OpenSessionRequest SessionOf(const std::string& name, v1::WorkerRole role,
                                 const std::string& target) {
  v1::OpenSessionRequest request;
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  request.set_worker(name);
  request.set_capacity(1);
  request.set_role(role);
  request.mutable_device()->set_key("cpu");
  request.mutable_device()->set_name("fake");
  request.mutable_device()->set_target(target);
  request.mutable_device()->set_slots(role == v1::WORKER_ROLE_BUILD ? 0 : 1);
  return request;
}

// A builder that a test plays: it builds nothing, and sends once what `seal` makes of a trial.
class PlayedBuilder {
 public:
  using Seal = std::function<v1::SignedModule(const WorkerTrial&)>;
  PlayedBuilder(const Endpoint& server, const std::string& name, const std::string& target,
                Seal seal)
      : stub_(v1::WorkerService::NewStub(MakeChannel(server))), seal_(std::move(seal)) {
    grpc::ClientContext context;
    const grpc::Status status =
        stub_->OpenSession(&context, SessionOf(name, v1::WORKER_ROLE_BUILD, target), &session_);
    EXPECT_TRUE(status.ok()) << status.error_message();
    thread_ = std::thread([this] {
      while (!stop_ && !sent_) Serve();
    });
  }
  ~PlayedBuilder() {
    stop_ = true;
    thread_.join();
  }
  bool sent() const { return sent_; }

 private:
  void Serve() {
    v1::LeaseRequest request;
    request.set_session(session_.session());
    request.set_max_items(1);
    request.set_max_wait_seconds(0.2);
    v1::LeaseReply leased;
    grpc::ClientContext context;
    if (!stub_->Lease(&context, request, &leased).ok()) return;
    for (const v1::WorkItem& item : leased.items()) {
      WorkerTrial trial{.task = FromMessage(item.task()).value(),
                        .config = ParseEntitiesJson(item.config()).value()};
      v1::ReportRequest report;
      report.set_session(session_.session());
      report.set_server_epoch(session_.server_epoch());
      report.set_attempt(item.attempt());
      report.set_fence(item.fence());
      *report.mutable_built()->mutable_module() = seal_(trial);
      grpc::ClientContext report_context;
      v1::ReportReply reply;
      EXPECT_TRUE(stub_->Report(&report_context, report, &reply).ok());
      EXPECT_EQ(reply.result(), v1::ReportReply::WAITS_FOR_RUN);
      sent_ = true;
    }
  }

  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  const Seal seal_;
  v1::OpenSessionReply session_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> sent_ = false;
  std::thread thread_;
};

// Another kernel than was asked for, whose outcome would be recorded if it were run.
TrialModule Forged() {
  std::ifstream in(std::string(kPrograms) + "/tilewright-canary.so", std::ios::binary);
  const CompiledTask task{.so{std::istreambuf_iterator<char>(in), {}},
                          .calls = {{.symbol = "tilewright_canary", .operands = {0, 1, 3}}},
                          .tolerance = 1};
  return {task, task};
}

class RefusedModules : public RolesTest {
 protected:
  // The farm goes on without that builder, nothing of it counts, and the runner is as good as new.
  void ExpectRefused(const PlayedBuilder::Seal& seal, const std::string& why) {
    const auto runner = Start("board", v1::WORKER_ROLE_RUN);
    ASSERT_TRUE(runner);
    const PlayedBuilder played(As(evil_), "evil", target_, seal);
    const std::string job = Submit();
    while (FaultsOf("evil") < 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const auto builder = Start("big", v1::WORKER_ROLE_BUILD);
    ExpectAllBuiltByBig(job);
    EXPECT_THAT(warnings(), HasSubstr(why));
  }
  // The job ends with every trial measured once, of kernels that "big" built, without a fault of
  // the runner.
  void ExpectAllBuiltByBig(const std::string& job) {
    const v1::JobEvent last = End(job);
    EXPECT_EQ(last.state(), v1::DONE) << last.message();
    EXPECT_EQ(store_->Count({.job = job}).value(), kTrials) << "nothing else is an outcome";
    EXPECT_EQ(store_->Count({.job = job, .only_ok = true}).value(), kTrials) << warnings();
    const auto read = store_->ForEach({}, [](const Record& record) {
      EXPECT_EQ(record.builder, "big");
      return true;
    });
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_EQ(FaultsOf("board"), 0u);
  }
  const std::shared_ptr<const Credentials> evil_ = Issue(ca_, {Role::kWorker, "evil", {"cpu"}});
};

TEST_F(RefusedModules, OneWhoseBytesAreNotThoseThatWereSigned) {
  ExpectRefused(
      [&](const WorkerTrial& trial) {
        v1::SignedModule sealed = SealModule(Forged(), trial, {"cpu", evil_.get()}).value();
        TrialModule other = Forged();
        other.kernel.so += "!";
        sealed.set_module(EncodeModule(other));
        return sealed;
      },
      "the module is refused: the signature is not that");
}

TEST_F(RefusedModules, OneThatAStrangerSigned) {
  Authority others = Authority::Create(tls_ / "other-ca", "farm", {Now(), 10}).value();
  const auto stranger = Issue(others, {Role::kWorker, "big", {"cpu"}});
  ExpectRefused(
      [&](const WorkerTrial& trial) {
        return SealModule(Forged(), trial, {"cpu", stranger.get()}).value();
      },
      "the module is refused: the certificate was signed by another authority");
}

TEST_F(RefusedModules, OneThatIsGarbageThoughItsBuilderSignedIt) {
  ExpectRefused(
      [&](const WorkerTrial& trial) {
        TrialModule garbage = Forged();
        garbage.kernel.so.assign(10'000, 'x');
        return SealModule(garbage, trial, {"cpu", evil_.get()}).value();
      },
      "the module is refused: 10000 bytes that are no shared library");
}

// A module that nobody may load: its builder is revoked while it waits for a runner. Both builders
// seal what they build with their own certificates, so only the list tells them apart.
TEST_F(RefusedModules, OneWhoseBuilderWasRevokedWhileItWaited) {
  v1::OpenSessionReply waiting;  // a runner that is there and takes nothing
  const auto idle =
      v1::WorkerService::NewStub(MakeChannel(As(Issue(ca_, {Role::kWorker, "idle", {"cpu"}}))));
  {
    grpc::ClientContext context;
    const auto request = SessionOf("idle", v1::WORKER_ROLE_RUN, target_);
    ASSERT_TRUE(idle->OpenSession(&context, request, &waiting).ok());
  }
  std::string job;
  {
    const PlayedBuilder played(As(evil_), "evil", target_, [&](const WorkerTrial& trial) {
      return SealModule(Forged(), trial, {"cpu", evil_.get()}).value();
    });
    job = Submit();
    while (!played.sent()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_TRUE(ca_.Revoke("evil", Now()).ok());
  std::filesystem::copy_file(ca_.revocation_path(), farm_->revocation_path(),
                             std::filesystem::copy_options::overwrite_existing);
  const auto evil = v1::WorkerService::NewStub(MakeChannel(As(evil_)));
  for (grpc::StatusCode code = grpc::OK; code != grpc::UNAUTHENTICATED;) {  // once it has looked
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    grpc::ClientContext context;
    v1::CloseSessionReply reply;
    code = evil->CloseSession(&context, {}, &reply).error_code();
  }
  const auto runner = Start("board", v1::WORKER_ROLE_RUN);
  const auto builder = Start("big", v1::WORKER_ROLE_BUILD);
  ASSERT_TRUE(runner && builder);
  ExpectAllBuiltByBig(job);
}

TEST_F(RolesTest, AClientOrAWorkerOfAnotherKeyCannotBuild) {
  for (const Identity& identity :
       {Identity{Role::kClient, "ann", {}}, Identity{Role::kWorker, "ann", {"gpu"}}}) {
    const v1::OpenSessionRequest request = SessionOf("ann", v1::WORKER_ROLE_BUILD, target_);
    grpc::ClientContext context;
    v1::OpenSessionReply reply;
    const grpc::Status status = v1::WorkerService::NewStub(MakeChannel(As(Issue(ca_, identity))))
                                    ->OpenSession(&context, request, &reply);
    EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED) << status.error_message();
  }
}

TEST_F(RolesTest, AWorkerThatOnlyRunsNeedsItsTargetAndASoundRunner) {
  AgentOptions options{.server = {"unix:/nonexistent", nullptr},
                       .key = "cpu",
                       .name = "board",
                       .runner = std::string(kPrograms) + "/tilewright-runner",
                       .role = v1::WORKER_ROLE_RUN,
                       .canary = std::string(kPrograms) + "/tilewright-canary.so",
                       .temp_folder = folder_->path()};
  EXPECT_TRUE(absl::IsInvalidArgument(Agent::Start(options).status()));
  options.target = target_;
  EXPECT_TRUE(Agent::Start(options).ok());
  options.canary = "/nonexistent/canary.so";
  const absl::Status status = Agent::Start(options).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("canary.so"));
}

}  // namespace
}  // namespace tilewright
