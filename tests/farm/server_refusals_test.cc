// Jobs and questions that a server refuses, and how it says why.
#include <algorithm>
#include <cmath>
#include <functional>
#include <latch>
#include <thread>

#include "absl/strings/str_cat.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "records/lookup/prune.h"
#include "tests/farm/server_fixture.h"
#include "tests/faults/fault_counts.h"
#include "tests/records/forwarding_store.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

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
  EXPECT_TRUE(refused([](auto& spec) {
    for (int i = 0; i < 65; ++i) spec.mutable_tasks(0)->add_first("[]");
  })) << "too many configs to begin with";
  EXPECT_TRUE(
      refused([](auto& spec) { spec.mutable_tasks(0)->add_first(std::string(5000, ' ') + "[]"); }));
  EXPECT_TRUE(refused([](auto& spec) { spec.mutable_tasks(0)->add_first("{tile"); }));
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

// What a cost model ranks highest comes before what the strategy draws.

TEST_F(ServerTest, AnUnknownJobCannotBeWatched) {
  std::vector<v1::JobEvent> events;
  EXPECT_EQ(Watch("nothing", &events).error_code(), grpc::NOT_FOUND);
}

v1::JobSpec GpuSpec(const std::string& target) {
  v1::JobSpec spec = PlayedJob("cpu", 1);
  v1::Task& task = *spec.mutable_tasks(0)->mutable_task();
  task.set_workload("dense(float32[1,64],float32[64,64];,NK,)+bias");
  task.set_template_name("dense_large_batch.gpu");
  task.set_target(target);
  return spec;
}

TEST_F(ServerTest, AJobForAnotherKindOfDeviceThanTheKeysIsRefused) {
  const v1::OpenSessionReply session = Open("w");
  v1::SubmitJobReply reply;
  for (const std::string target : {"opencl", "cuda -arch=sm_90"}) {
    const grpc::Status status = Submit(GpuSpec(target), &reply);
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("the key \"cpu\" is offered for cpu"));
    EXPECT_THAT(status.error_message(), HasSubstr("not for " + target.substr(0, 4)));
  }
  EXPECT_EQ(store_->Count({}).value(), 0);
}

TEST_F(ServerTest, ATrialForADeviceNeverGoesToAWorkerOfAnotherKind) {
  v1::SubmitJobReply reply;
  ASSERT_TRUE(Submit(GpuSpec("opencl"), &reply).ok());  // nobody is there yet
  v1::LeaseReply leased;
  const v1::OpenSessionReply session = Open("w");
  ASSERT_TRUE(Lease(session.session(), 0.5, &leased).ok());
  EXPECT_TRUE(leased.items().empty());
}

}  // namespace
}  // namespace tilewright
