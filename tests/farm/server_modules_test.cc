// Builds, modules and runs of different workers as they go through a server.
#include "proto/convert.h"
#include "security/signature.h"
#include "tests/farm/server_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ServerModules : public ServerTest {
 protected:
  grpc::Status TryOpen(const std::string& name, v1::WorkerRole role, uint32_t slots,
                       v1::OpenSessionReply* reply) {
    grpc::ClientContext context;
    Limit(context);
    v1::OpenSessionRequest request = PlayedWorker(name, "cpu", 4);
    request.set_role(role);
    request.mutable_device()->set_slots(slots);
    return worker_->OpenSession(&context, request, reply);
  }
  v1::OpenSessionReply OpenAs(const std::string& name, v1::WorkerRole role) {
    v1::OpenSessionReply reply;
    const grpc::Status status = TryOpen(name, role, role == v1::WORKER_ROLE_BUILD ? 0 : 1, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  grpc::Status Built(const v1::OpenSessionReply& session, const v1::WorkItem& item,
                     const std::string& module, v1::ReportReply* reply) {
    grpc::ClientContext context;
    Limit(context);
    v1::ReportRequest request = ReportOf(session, item);
    request.mutable_built()->mutable_module()->set_module(module);
    request.mutable_built()->mutable_module()->set_signature("signed");
    request.mutable_built()->set_build_seconds(0.25);
    return worker_->Report(&context, request, reply);
  }
  grpc::Status Fetch(const v1::OpenSessionReply& session, const v1::WorkItem& item,
                     v1::SignedModule* module) {
    grpc::ClientContext context;
    Limit(context);
    v1::FetchModuleRequest request;
    request.set_session(session.session());
    request.set_attempt(item.attempt());
    return worker_->FetchModule(&context, request, module);
  }
};

TEST_F(ServerModules, AreFetchedByWhoRunsThemAndForgottenWithTheServer) {
  v1::OpenSessionReply builder = OpenAs("b", v1::WORKER_ROLE_BUILD);
  v1::OpenSessionReply runner = OpenAs("r", v1::WORKER_ROLE_RUN);
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(1), &job).ok());
  EXPECT_TRUE(job.has_worker());
  const v1::WorkItem build = LeaseOne(builder);
  EXPECT_THAT(build.module_sha256(), IsEmpty());
  v1::ReportReply reply;
  ASSERT_TRUE(Built(builder, build, "module", &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::WAITS_FOR_RUN);
  const v1::WorkItem run = LeaseOne(runner);
  EXPECT_EQ(run.module_sha256(), Sha256Hex("module").value());
  EXPECT_EQ(run.config(), build.config());
  v1::SignedModule module;
  ASSERT_TRUE(Fetch(runner, run, &module).ok());
  EXPECT_EQ(module.module(), "module");
  EXPECT_EQ(module.signature(), "signed");
  EXPECT_EQ(Fetch(builder, run, &module).error_code(), grpc::NOT_FOUND);
  Restart();
  builder = OpenAs("b", v1::WORKER_ROLE_BUILD);
  runner = OpenAs("r", v1::WORKER_ROLE_RUN);
  const v1::WorkItem again = LeaseOne(builder);
  EXPECT_EQ(again.config(), build.config()) << "the journal has its start and no result";
  ASSERT_TRUE(Built(builder, again, "module", &reply).ok());
  ASSERT_TRUE(Report(runner, LeaseOne(runner), 1e-3, &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::RECORDED);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::DONE);
  const Record record = store_->Best({.job = job.job()})->value();
  EXPECT_EQ(record.worker, "r");
  EXPECT_EQ(record.builder, "b");
  EXPECT_EQ(record.build_seconds, 0.25);
  EXPECT_EQ(*store_->Count({}), 1);
}

TEST_F(ServerModules, AJobIsToldWhetherItsKeyCanBuildAndRun) {
  const auto has_worker = [this](uint64_t trials) {
    v1::SubmitJobReply job;
    EXPECT_TRUE(Submit(Spec(trials), &job).ok());
    return job.has_worker();
  };
  OpenAs("b", v1::WORKER_ROLE_BUILD);
  EXPECT_FALSE(has_worker(1));
  OpenAs("r", v1::WORKER_ROLE_RUN);
  EXPECT_TRUE(has_worker(2));
}

TEST_F(ServerModules, HaveBounds) {
  const v1::OpenSessionReply builder = OpenAs("b", v1::WORKER_ROLE_BUILD);
  OpenAs("r", v1::WORKER_ROLE_RUN);
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(3), &job).ok());
  const v1::WorkItem build = LeaseOne(builder);
  v1::ReportReply reply;
  const grpc::Status status = Built(builder, build, std::string(9 << 20, 'x'), &reply);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("allowed 84"));
}

TEST_F(ServerModules, RolesHaveSlotsOrNot) {
  v1::OpenSessionReply reply;
  const std::pair<v1::WorkerRole, uint32_t> wrong[] = {{v1::WORKER_ROLE_BUILD, 1},
                                                       {v1::WORKER_ROLE_RUN, 0},
                                                       {v1::WORKER_ROLE_BOTH, 0},
                                                       {static_cast<v1::WorkerRole>(7), 1}};
  for (const auto& [role, slots] : wrong) {
    EXPECT_EQ(TryOpen("w", role, slots, &reply).error_code(), grpc::INVALID_ARGUMENT) << role;
  }
}

}  // namespace
}  // namespace tilewright
