// The protocol as peers see it: a real server, workers and clients played by the test.
#include "tuner/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <sstream>
#include <thread>

#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "records/autotvm_log.h"
#include "tests/records/sample_records.h"
#include "worker/private_folder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kWorkload[] = "dense(float32[1,64],float32[64,64];,NK16n,)+bias";
constexpr char kTarget[] = "cpu -mcpu=skylake-avx512";

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = PrivateFolder::Make(::testing::TempDir()).value();
    server_ = Server::Start({.listen = "unix:" + folder_->path() + "/s"}, *store_, clock_).value();
    const auto channel = MakeChannel({server_->address(), nullptr});
    worker_ = v1::WorkerService::NewStub(channel);
    client_ = v1::TuningService::NewStub(channel);
  }

  static void Limit(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  }

  v1::OpenSessionReply Open(const std::string& name, const std::string& key = "cpu") {
    grpc::ClientContext context;
    Limit(context);
    v1::OpenSessionReply reply;
    const grpc::Status status = worker_->OpenSession(&context, OpenRequest(name, key), &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  static v1::OpenSessionRequest OpenRequest(const std::string& name, const std::string& key) {
    v1::OpenSessionRequest request;
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    request.set_worker(name);
    request.set_capacity(4);
    request.mutable_device()->set_key(key);
    request.mutable_device()->set_name("fake cpu");
    request.mutable_device()->set_target(kTarget);
    request.mutable_device()->set_slots(1);
    return request;
  }

  grpc::Status Lease(const std::string& session, double wait, v1::LeaseReply* reply) {
    grpc::ClientContext context;
    Limit(context);
    v1::LeaseRequest request;
    request.set_session(session);
    request.set_max_items(1);
    request.set_max_wait_seconds(wait);
    return worker_->Lease(&context, request, reply);
  }

  grpc::Status Report(const v1::OpenSessionReply& session, const v1::WorkItem& item, double seconds,
                      v1::ReportReply* reply) {
    grpc::ClientContext context;
    Limit(context);
    v1::ReportRequest request;
    request.set_session(session.session());
    request.set_server_epoch(session.server_epoch());
    request.set_attempt(item.attempt());
    request.set_fence(item.fence());
    request.mutable_measured()->mutable_outcome()->add_seconds(seconds);
    return worker_->Report(&context, request, reply);
  }

  static v1::JobSpec Spec(uint64_t trials) {
    v1::JobSpec spec;
    spec.set_name("test");
    spec.set_key("cpu");
    spec.set_tuner("random");
    spec.set_trials(trials);
    v1::JobTask& task = *spec.add_tasks();
    task.mutable_task()->set_workload(kWorkload);
    task.mutable_task()->set_template_name("dense_pack.cpu");
    task.mutable_task()->set_target(kTarget);
    task.set_count(3);
    return spec;
  }
  grpc::Status Submit(const v1::JobSpec& spec, v1::SubmitJobReply* reply,
                      const std::string& id = "") {
    grpc::ClientContext context;
    Limit(context);
    v1::SubmitJobRequest request;
    *request.mutable_spec() = spec;
    request.set_request(id);
    return client_->SubmitJob(&context, request, reply);
  }
  grpc::Status Watch(const std::string& job, std::vector<v1::JobEvent>* events,
                     uint64_t after = 0) {
    grpc::ClientContext context;
    Limit(context);
    v1::WatchJobRequest request;
    request.set_job(job);
    request.set_after_sequence(after);
    const auto reader = client_->WatchJob(&context, request);
    for (v1::JobEvent event; reader->Read(&event);) events->push_back(event);
    return reader->Finish();
  }
  grpc::Status Fault(const v1::OpenSessionReply& session, const v1::WorkItem& item) {
    grpc::ClientContext context;
    Limit(context);
    v1::ReportRequest request;
    request.set_session(session.session());
    request.set_server_epoch(session.server_epoch());
    request.set_attempt(item.attempt());
    request.set_fence(item.fence());
    request.mutable_fault()->set_reason("disk full");
    v1::ReportReply reply;
    return worker_->Report(&context, request, &reply);
  }
  // Another server on the same store, as after a crash.
  void Restart() {
    server_.reset();
    server_ = Server::Start({.listen = "unix:" + folder_->path() + "/s"}, *store_, clock_).value();
    const auto channel = MakeChannel({server_->address(), nullptr});
    worker_ = v1::WorkerService::NewStub(channel);
    client_ = v1::TuningService::NewStub(channel);
  }
  // Measures `count` trials, each a millisecond.
  void Serve(const v1::OpenSessionReply& session, int count) {
    for (int i = 0; i < count; ++i) {
      v1::LeaseReply leased;
      ASSERT_TRUE(Lease(session.session(), 20, &leased).ok());
      ASSERT_THAT(leased.items(), SizeIs(1));
      v1::ReportReply reply;
      ASSERT_TRUE(Report(session, leased.items(0), 1e-3, &reply).ok());
      ASSERT_EQ(reply.result(), v1::ReportReply::RECORDED);
    }
  }

  std::unique_ptr<PrivateFolder> folder_;
  SystemClock clock_;
  std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::WorkerService::Stub> worker_;
  std::unique_ptr<v1::TuningService::Stub> client_;
};

TEST_F(ServerTest, AJobIsMeasuredRecordedAndWatched) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(3), &job).ok());
  EXPECT_FALSE(job.has_worker());
  EXPECT_THAT(job.job(), HasSubstr("test-"));
  Serve(Open("w"), 3);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  ASSERT_THAT(events, SizeIs(6)) << "queued, running, three trials, done";
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i + 1);
  EXPECT_EQ(events.back().state(), v1::DONE);
  EXPECT_NEAR(events.back().model_seconds(), 3e-3, 1e-9);
  EXPECT_EQ(events.back().tasks(0).trials(), 3u);
  EXPECT_FALSE(events.back().tasks(0).best_config().empty());
  EXPECT_THAT(events[2].trial().line(), HasSubstr("GFLOPS"));
  EXPECT_EQ(store_->Count({.device_key = "cpu", .job = job.job(), .only_ok = true}).value(), 3);
}

TEST_F(ServerTest, TheSameJobAgainContinuesWithWhatWasMeasured) {
  v1::SubmitJobReply first, second;
  ASSERT_TRUE(Submit(Spec(3), &first).ok());
  Serve(Open("w"), 3);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(first.job(), &events).ok());
  ASSERT_TRUE(Submit(Spec(3), &second).ok());
  EXPECT_EQ(first.job(), second.job());
  events.clear();
  ASSERT_TRUE(Watch(second.job(), &events).ok()) << "needs no worker: the budget is used up";
  EXPECT_EQ(events.back().state(), v1::DONE);
  EXPECT_EQ(events.back().tasks(0).trials(), 3u);
}

TEST_F(ServerTest, AServerThatIsStartedAgainGoesOnWithItsJobs) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(6), &job).ok());
  Serve(Open("w"), 2);
  Restart();
  Serve(Open("w"), 4);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  ASSERT_THAT(events, SizeIs(9)) << "queued, running, six trials, done";
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i + 1);
  EXPECT_EQ(events.back().state(), v1::DONE);
  EXPECT_EQ(events.back().tasks(0).trials(), 6u);
  EXPECT_EQ(store_->Count({.job = job.job()}).value(), 6);
  Restart();
  std::vector<v1::JobEvent> again;
  ASSERT_TRUE(Watch(job.job(), &again).ok());
  ASSERT_THAT(again, SizeIs(events.size())) << "told again from the journal";
  EXPECT_EQ(again.back().tasks(0).best_config(), events.back().tasks(0).best_config());
  EXPECT_EQ(again[4].trial().task(), events[4].trial().task());
}

TEST_F(ServerTest, AClientContinuesFromItsCursor) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(6), &job).ok());
  Serve(Open("w"), 3);
  Restart();
  Serve(Open("w"), 3);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events, 4).ok());
  ASSERT_THAT(events, SizeIs(5));
  EXPECT_EQ(events.front().sequence(), 5u);
}

TEST_F(ServerTest, TheSameRequestAgainStartsNothing) {
  v1::SubmitJobReply first, second;
  ASSERT_TRUE(Submit(Spec(2), &first, "request-1").ok());
  Serve(Open("w"), 2);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(first.job(), &events).ok());
  ASSERT_TRUE(Submit(Spec(2), &second, "request-1").ok());
  EXPECT_EQ(second.job(), first.job());
  std::vector<v1::JobEvent> again;
  ASSERT_TRUE(Watch(first.job(), &again).ok());
  EXPECT_EQ(again.size(), events.size());
  EXPECT_EQ(Submit(Spec(3), &second, "request-1").error_code(), grpc::ALREADY_EXISTS);
}

TEST_F(ServerTest, APausedJobStaysPausedOverARestartUntilItIsResumed) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(2), &job).ok());
  Serve(Open("w"), 1);
  v1::PauseJobRequest pause;
  pause.set_job(job.job());
  v1::PauseJobReply paused;
  grpc::ClientContext pause_context, resume_context;
  Limit(pause_context);
  ASSERT_TRUE(client_->PauseJob(&pause_context, pause, &paused).ok());
  EXPECT_EQ(paused.state(), v1::PAUSED);
  Restart();
  const v1::OpenSessionReply session = Open("w");
  v1::LeaseReply leased;
  ASSERT_TRUE(Lease(session.session(), 0.3, &leased).ok());
  EXPECT_THAT(leased.items(), SizeIs(0));
  v1::ResumeJobRequest resume;
  resume.set_job(job.job());
  v1::ResumeJobReply resumed;
  Limit(resume_context);
  ASSERT_TRUE(client_->ResumeJob(&resume_context, resume, &resumed).ok());
  Serve(session, 1);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::DONE);
}

TEST_F(ServerTest, AJobWhoseEveryTrialFaultsFailsAndRecordsNothing) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(4), &job).ok());
  bool over = false;
  for (int worker = 0; worker < 40 && !over; ++worker) {
    const v1::OpenSessionReply session = Open("w" + std::to_string(worker));
    v1::LeaseReply leased;
    ASSERT_TRUE(Lease(session.session(), 1, &leased).ok());
    over = leased.items().empty();
    if (!over) ASSERT_TRUE(Fault(session, leased.items(0)).ok());
  }
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::FAILED);
  EXPECT_THAT(events.back().message(), HasSubstr("disk full"));
  EXPECT_EQ(store_->Count({}).value(), 0);
}

TEST_F(ServerTest, FoolishJobsAreRefused) {
  const auto refused = [this](const std::function<void(v1::JobSpec&)>& change) {
    v1::JobSpec spec = Spec(1);
    change(spec);
    v1::SubmitJobReply reply;
    const grpc::Status status = Submit(spec, &reply);
    EXPECT_LT(status.error_message().size(), 3000u);
    return status.error_code() == grpc::INVALID_ARGUMENT;
  };
  EXPECT_TRUE(refused([](auto& spec) { spec.set_trials(uint64_t{1} << 63); }));
  EXPECT_TRUE(refused([](auto& spec) { spec.set_early_stopping(~uint64_t{0}); }));
  for (const double seconds : {1e308, -1.0, std::nan("")}) {
    EXPECT_TRUE(refused([&](auto& spec) { spec.set_time_seconds(seconds); })) << seconds;
  }
  EXPECT_TRUE(refused([](auto& spec) { spec.mutable_tasks(0)->set_count(4'000'000'000u); }));
  EXPECT_TRUE(refused([](auto& spec) {
    spec.mutable_tasks(0)->mutable_task()->set_target(std::string(100'000, 'x'));
  }));
  EXPECT_TRUE(refused([](auto& spec) { spec.set_name(std::string(300, 'x')); }));
}

TEST_F(ServerTest, AJobsIdIsAPlainNameWhateverTheModelsIs) {
  v1::JobSpec spec = Spec(1);
  spec.set_name("../../etc/x y");
  v1::SubmitJobReply reply;
  ASSERT_TRUE(Submit(spec, &reply).ok());
  EXPECT_EQ(reply.job().find_first_of("/ "), std::string::npos) << reply.job();
}

TEST_F(ServerTest, AWorkerWithAForeignTargetIsRefused) {
  grpc::ClientContext context;
  Limit(context);
  v1::OpenSessionRequest request = OpenRequest("w", "cpu");
  request.mutable_device()->set_target("frob -x=y");
  v1::OpenSessionReply reply;
  EXPECT_EQ(worker_->OpenSession(&context, request, &reply).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(ServerTest, ACancelledJobEndsAndKeepsWhatWasMeasured) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(1000), &job).ok());
  Serve(Open("w"), 2);
  grpc::ClientContext context;
  Limit(context);
  v1::CancelJobRequest request;
  request.set_job(job.job());
  v1::CancelJobReply reply;
  ASSERT_TRUE(client_->CancelJob(&context, request, &reply).ok());
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::CANCELLED);
  EXPECT_EQ(store_->Count({.job = job.job()}).value(), 2);
}

TEST_F(ServerTest, AReportIsIdempotentAndAnotherEpochsIsDiscarded) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(5), &job).ok());
  v1::OpenSessionReply session = Open("w");
  v1::LeaseReply leased;
  ASSERT_TRUE(Lease(session.session(), 20, &leased).ok());
  v1::ReportReply reply;
  ASSERT_TRUE(Report(session, leased.items(0), 1e-3, &reply).ok());
  ASSERT_TRUE(Report(session, leased.items(0), 1e-3, &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::DUPLICATE);
  ASSERT_TRUE(Report(session, leased.items(0), 2e-3, &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::CONFLICT);
  session.set_server_epoch(session.server_epoch() + 1);
  ASSERT_TRUE(Report(session, leased.items(0), 1e-3, &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::DISCARDED);
  EXPECT_EQ(store_->Count({}).value(), 1);
}

TEST_F(ServerTest, ATimingThatIsNoNumberIsRefused) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(5), &job).ok());
  const v1::OpenSessionReply session = Open("w");
  v1::LeaseReply leased;
  ASSERT_TRUE(Lease(session.session(), 20, &leased).ok());
  v1::ReportReply reply;
  for (const double bad : {-1.0, 0.0, std::nan(""), HUGE_VAL, 5e-324, 1e308}) {
    EXPECT_EQ(Report(session, leased.items(0), bad, &reply).error_code(), grpc::INVALID_ARGUMENT);
  }
  EXPECT_EQ(store_->Count({}).value(), 0);
}

TEST_F(ServerTest, AnUnknownSessionMustOpenAnother) {
  v1::LeaseReply reply;
  EXPECT_EQ(Lease("nonsense", 1, &reply).error_code(), grpc::NOT_FOUND);
  const v1::OpenSessionReply older = Open("w");
  Open("w");
  EXPECT_EQ(Lease(older.session(), 1, &reply).error_code(), grpc::NOT_FOUND);
}

TEST_F(ServerTest, AnotherProtocolIsRefusedWithTheSideToUpgrade) {
  grpc::ClientContext context;
  Limit(context);
  v1::OpenSessionRequest request = OpenRequest("w", "cpu");
  request.set_protocol_min(7);
  request.set_protocol_max(9);
  v1::OpenSessionReply reply;
  const grpc::Status status = worker_->OpenSession(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("upgrade the server"));
}

TEST_F(ServerTest, AJobThatCannotBeIsRefusedWithTheReason) {
  v1::SubmitJobReply reply;
  v1::JobSpec spec = Spec(1);
  spec.set_tuner("magic");
  EXPECT_THAT(Submit(spec, &reply).error_message(), HasSubstr("magic"));
  spec = Spec(1);
  spec.mutable_tasks(0)->mutable_task()->set_template_name("conv2d_nchwc.cpu");
  EXPECT_THAT(Submit(spec, &reply).error_message(), HasSubstr("does not fit"));
  spec = Spec(1);
  spec.mutable_tasks(0)->mutable_task()->set_workload("dense(");
  EXPECT_EQ(Submit(spec, &reply).error_code(), grpc::INVALID_ARGUMENT);
  spec = Spec(1);
  spec.clear_tasks();
  EXPECT_EQ(Submit(spec, &reply).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(ServerTest, AnUnknownJobCannotBeWatched) {
  std::vector<v1::JobEvent> events;
  EXPECT_EQ(Watch("nothing", &events).error_code(), grpc::NOT_FOUND);
}

TEST_F(ServerTest, WorkersAndTheirKeysAreListed) {
  Open("w1", "xeon");
  Open("w2", "rpi4");
  grpc::ClientContext context;
  Limit(context);
  v1::ListWorkersReply reply;
  ASSERT_TRUE(client_->ListWorkers(&context, {}, &reply).ok());
  ASSERT_THAT(reply.workers(), SizeIs(2));
  EXPECT_EQ(reply.workers(0).device().key(), "xeon");
  ASSERT_THAT(reply.keys(), SizeIs(2));
  EXPECT_EQ(reply.keys(0).key(), "rpi4");
  EXPECT_EQ(reply.keys(0).free(), 1u);
}

TEST_F(ServerTest, TheRecordsCanBeFetchedAsALogInPieces) {
  Record record = SampleRecord("0");
  for (int i = 0; i < 600; ++i) {
    record.run_id = "run-" + std::to_string(i);
    record.device_key = i % 2 == 0 ? "even" : "odd";
    ASSERT_TRUE(store_->Append({&record, 1}).ok());
  }
  const auto fetch = [this](const std::string& name, const std::string& key, std::string* bytes) {
    grpc::ClientContext context;
    Limit(context);
    v1::FetchBlobRequest request;
    request.set_name(name);
    request.set_device_key(key);
    const auto reader = client_->FetchBlob(&context, request);
    int pieces = 0;
    for (v1::BlobChunk chunk; reader->Read(&chunk); ++pieces) *bytes += chunk.data();
    const grpc::Status status = reader->Finish();
    return std::pair(status.error_code(), pieces);
  };
  std::string all, odd, none;
  const auto [code, pieces] = fetch("records.log", "", &all);
  EXPECT_EQ(code, grpc::OK);
  EXPECT_GT(pieces, 1);
  EXPECT_EQ(fetch("records.log", "odd", &odd).first, grpc::OK);
  std::ostringstream expected, expected_odd;
  ASSERT_TRUE(ExportLog(*store_, {}, expected).ok());
  ASSERT_TRUE(ExportLog(*store_, {.device_key = "odd"}, expected_odd).ok());
  EXPECT_EQ(all, expected.str());
  EXPECT_EQ(odd, expected_odd.str());
  EXPECT_EQ(fetch("secrets", "", &none).first, grpc::NOT_FOUND);
}

TEST_F(ServerTest, EndingTheServerAnswersThoseWhoWait) {
  const v1::OpenSessionReply session = Open("w");
  v1::LeaseReply reply;
  std::thread waiting([&] { Lease(session.session(), 25, &reply); });
  v1::SubmitJobReply job;
  v1::JobSpec spec = Spec(5);
  spec.set_key("nobody");
  ASSERT_TRUE(Submit(spec, &job).ok());
  std::vector<v1::JobEvent> events;
  std::thread watching([&] { Watch(job.job(), &events); });
  server_.reset();
  waiting.join();
  watching.join();
  EXPECT_THAT(reply.items(), SizeIs(0));
}

TEST(ServerAddress, AnOpenOneNeedsTheUsersWord) {
  const auto store = MakeMemoryStore();
  const SystemClock clock;
  const absl::Status status = Server::Start({.listen = "0.0.0.0:0"}, *store, clock).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--insecure"));
  EXPECT_TRUE(Server::Start({.listen = "127.0.0.1:0"}, *store, clock).ok());
}

TEST(ServerAddress, ATakenOneIsUnavailable) {
  const auto store = MakeMemoryStore();
  const SystemClock clock;
  const auto server = Server::Start({.listen = "127.0.0.1:0"}, *store, clock).value();
  EXPECT_TRUE(
      absl::IsUnavailable(Server::Start({.listen = server->address()}, *store, clock).status()));
}

TEST(ServerAddress, AUnixPathIsOneServersUntilItEnds) {
  const auto folder = PrivateFolder::Make(::testing::TempDir()).value();
  const std::string listen = "unix:" + folder->path() + "/farm";
  const auto store = MakeMemoryStore();
  const SystemClock clock;
  auto first = Server::Start({.listen = listen}, *store, clock).value();
  const absl::Status second = Server::Start({.listen = listen}, *store, clock).status();
  EXPECT_TRUE(absl::IsUnavailable(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr("another server"));
  grpc::ClientContext context;
  v1::ListWorkersReply reply;
  EXPECT_TRUE(v1::TuningService::NewStub(MakeChannel({listen, nullptr}))
                  ->ListWorkers(&context, {}, &reply)
                  .ok())
      << "the first still answers";
  first.reset();
  EXPECT_TRUE(Server::Start({.listen = listen}, *store, clock).ok());
}

}  // namespace
}  // namespace tilewright
