// A real server on a store in memory, and what workers and clients played by a test ask of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "proto/channel.h"
#include "proto/tilewright.grpc.pb.h"
#include "tests/farm/played_peers.h"
#include "tests/records/sample_records.h"
#include "tuner/server/server.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {

// The system's, with a jump forward when a test wants one.
class SkippingClock final : public Clock {
 public:
  double Now() const override { return system_.Now() + skipped; }
  double UnixTime() const override { return system_.UnixTime(); }
  std::atomic<double> skipped = 0;

 private:
  const SystemClock system_;
};

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
    const grpc::Status status = worker_->OpenSession(&context, PlayedWorker(name, key, 4), &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
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

  v1::WorkItem LeaseOne(const v1::OpenSessionReply& session) {
    v1::LeaseReply leased;
    EXPECT_TRUE(Lease(session.session(), 20, &leased).ok());
    EXPECT_THAT(leased.items(), ::testing::SizeIs(1));
    return leased.items_size() == 1 ? leased.items(0) : v1::WorkItem();
  }

  // A report without what it tells.
  static v1::ReportRequest ReportOf(const v1::OpenSessionReply& session, const v1::WorkItem& item) {
    v1::ReportRequest request;
    request.set_session(session.session());
    request.set_server_epoch(session.server_epoch());
    request.set_attempt(item.attempt());
    request.set_fence(item.fence());
    return request;
  }

  grpc::Status Report(const v1::OpenSessionReply& session, const v1::WorkItem& item, double seconds,
                      v1::ReportReply* reply) {
    grpc::ClientContext context;
    Limit(context);
    v1::ReportRequest request = ReportOf(session, item);
    request.mutable_measured()->mutable_outcome()->add_seconds(seconds);
    return worker_->Report(&context, request, reply);
  }

  static v1::JobSpec Spec(uint64_t trials) { return PlayedJob("cpu", trials); }
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
    v1::ReportRequest request = ReportOf(session, item);
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
      ASSERT_THAT(leased.items(), ::testing::SizeIs(1));
      v1::ReportReply reply;
      ASSERT_TRUE(Report(session, leased.items(0), 1e-3, &reply).ok());
      ASSERT_EQ(reply.result(), v1::ReportReply::RECORDED);
    }
  }

  std::unique_ptr<PrivateFolder> folder_;
  SkippingClock clock_;
  std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::WorkerService::Stub> worker_;
  std::unique_ptr<v1::TuningService::Stub> client_;
};

}  // namespace tilewright
