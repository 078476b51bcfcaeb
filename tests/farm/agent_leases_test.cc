// How a worker asks for trials: played by a server that counts its calls.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>

#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "tests/farm/played_peers.h"
#include "worker/agent/agent.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

constexpr uint64_t kPlayedTrials = 40;
constexpr char kSession[] = "session";

// Has kPlayedTrials trials; answers leases and reports at once.
class CountingServer final : public v1::WorkerService::Service {
 public:
  explicit CountingServer(std::string address) : address_(std::move(address)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~CountingServer() override { server_->Shutdown(); }

  grpc::Status OpenSession(grpc::ServerContext*, const v1::OpenSessionRequest*,
                           v1::OpenSessionReply* reply) override {
    reply->set_session(kSession);
    reply->set_server_epoch(1);
    reply->set_renew_seconds(60);
    return grpc::Status::OK;
  }
  // Without work it waits for the worker to go.
  grpc::Status Lease(grpc::ServerContext*, const v1::LeaseRequest* request,
                     v1::LeaseReply* reply) override {
    std::unique_lock lock(mutex_);
    for (uint32_t i = 0; i < request->max_items() && leased_ < kPlayedTrials; ++i) {
      Give(reply->add_items());
      ++by_leases;
    }
    lock.unlock();
    if (reply->items_size() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return grpc::Status::OK;
  }
  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest* request,
                      v1::ReportReply* reply) override {
    std::lock_guard lock(mutex_);
    reply->set_result(v1::ReportReply::RECORDED);
    for (uint32_t i = 0; i < request->lease_items() && leased_ < kPlayedTrials; ++i) {
      Give(reply->add_leased());
    }
    reported_.insert(request->attempt());
    if (reported_.size() == kPlayedTrials) all_reported.set_value();
    return grpc::Status::OK;
  }

  std::promise<void> all_reported;
  uint64_t by_leases = 0;  // trials that Lease gave

 private:
  void Give(v1::WorkItem* item) {
    item->set_attempt(++leased_);
    item->set_fence(1);
    item->mutable_task()->set_workload(kPlayedWorkload);
    item->mutable_task()->set_template_name("dense_pack.cpu");
    item->mutable_task()->set_target(kPlayedTarget);
    item->set_config("[]");
    *item->mutable_options() = ToMessage(MeasureOptions{});
  }

  const std::string address_;
  std::mutex mutex_;
  uint64_t leased_ = 0;
  std::set<uint64_t> reported_;
  std::unique_ptr<grpc::Server> server_;
};

TEST(AgentLeases, ATrialThatIsReportedBringsTheNextOne) {
  const auto folder = PrivateFolder::Make(testing::TempDir()).value();
  CountingServer server("unix:" + folder->path() + "/s");
  AgentOptions options{.server = {"unix:" + folder->path() + "/s", nullptr},
                       .key = "simulated",
                       .name = "w",
                       .target = kPlayedTarget,
                       .temp_folder = folder->path()};
  options.simulate = [](const Task&, const Config&) { return Timing{{1e-3}}; };
  auto agent = Agent::Start(options).value();
  server.all_reported.get_future().wait();
  agent.reset();
  // One slot, one that simulates for it, and what is leased ahead.
  EXPECT_LE(server.by_leases, 4u) << "of " << kPlayedTrials << ", those that came before a report";
}

}  // namespace
}  // namespace tilewright
