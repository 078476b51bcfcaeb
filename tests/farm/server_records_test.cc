// What a server's clients ask of its records without fetching them.
#include <gmock/gmock.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "records/formats/autotvm_log.h"
#include "tests/farm/server_fixture.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ServerRecords : public ServerTest {
 protected:
  void Add(const Record& record) { ASSERT_TRUE(store_->Append({&record, 1}).ok()); }
  // Each with a config of its own, of no space: look-ups pass it over.
  Record Of(const std::string& run_id, const std::string& key, double seconds) const {
    Record record = SampleRecord(run_id, seconds);
    record.device_key = key;
    record.config.entities.back().second = OtherEntity{static_cast<int64_t>(seconds * 1e6)};
    return record;
  }

  template <typename Request, typename Reply>
  grpc::Status Call(grpc::Status (v1::TuningService::Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Reply*),
                    const Request& request, Reply* reply) {
    grpc::ClientContext context;
    Limit(context);
    reply->Clear();
    return (client_.get()->*method)(&context, request, reply);
  }
  grpc::Status LookUp(const v1::LookUpRecordsRequest& request) {
    return Call(&v1::TuningService::Stub::LookUpRecords, request, &looked_up_);
  }
  grpc::Status Find(const v1::FindRecordsRequest& request) {
    return Call(&v1::TuningService::Stub::FindRecords, request, &found_);
  }
  grpc::Status Revoke(const v1::RevokeRecordsRequest& request) {
    return Call(&v1::TuningService::Stub::RevokeRecords, request, &revoked_);
  }
  std::vector<std::string> Found() const {
    std::vector<std::string> ids;
    for (const std::string& line : found_.lines()) ids.push_back(DecodeLogLine(line)->run_id);
    return ids;
  }
  static v1::LookUpRecordsRequest Wanted(int workloads) {
    v1::LookUpRecordsRequest request;
    request.set_target("cpu -mcpu=znver5");
    for (int i = 0; i < workloads; ++i) request.add_workloads(SampleWorkload(16 * (i + 1)).Key());
    return request;
  }

  v1::LookUpRecordsReply looked_up_;
  v1::FindRecordsReply found_;
  v1::RevokeRecordsReply revoked_;
};

TEST_F(ServerRecords, EveryWorkloadIsAnsweredInOrderAndWhatDoesNotFitIsSaid) {
  Add(Of("stale", "xeon", 1e-3));  // its config is of another space
  v1::LookUpRecordsRequest request = Wanted(4);
  request.set_explain(true);
  ASSERT_TRUE(LookUp(request).ok());
  ASSERT_THAT(looked_up_.found(), SizeIs(4));
  for (const v1::FoundRecord& found : looked_up_.found()) EXPECT_EQ(found.how(), "none");
  EXPECT_THAT(looked_up_.found(3).passed_over(),
              ElementsAre(HasSubstr("1 record of conv2d_nchwc")));
  EXPECT_THAT(looked_up_.found(0).near_misses(), ElementsAre(HasSubstr("shapes differ")));
}

TEST_F(ServerRecords, LookUpsAreBounded) {
  const auto refused = [&](const v1::LookUpRecordsRequest& request) {
    const grpc::Status status = LookUp(request);
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_TRUE(LookUp(Wanted(1024)).ok());
  EXPECT_THAT(refused(Wanted(1025)), HasSubstr("1025 workloads in one call, allowed are 1024"));
  v1::LookUpRecordsRequest request = Wanted(1);
  request.set_threads(1025);
  EXPECT_THAT(refused(request), HasSubstr("1025 threads"));
  request = Wanted(1);
  request.set_device_key(std::string(1025, 'k'));
  EXPECT_THAT(refused(request), HasSubstr("a device key of 1025 bytes"));
  request = Wanted(1);
  request.add_workloads("conv2d(");
  EXPECT_THAT(refused(request), HasSubstr("missing parentheses"));
  request = Wanted(1);
  request.set_target("toaster");
  EXPECT_THAT(refused(request), HasSubstr("toaster"));
}

TEST_F(ServerRecords, TheBestAndTheNewestAreFound) {
  Add(Of("slow", "xeon", 3e-3));
  Add(Of("fast", "xeon", 1e-3));
  Add(Of("other", "rpi4", 2e-3));
  v1::FindRecordsRequest request;
  ASSERT_TRUE(Find(request).ok());
  EXPECT_THAT(Found(), ElementsAre("fast"));
  request.set_device_key("rpi4");
  ASSERT_TRUE(Find(request).ok());
  EXPECT_THAT(Found(), ElementsAre("other"));
  request.add_workloads(SampleWorkload(32).Key());
  ASSERT_TRUE(Find(request).ok());
  EXPECT_THAT(Found(), IsEmpty());
  v1::FindRecordsRequest newest;
  newest.set_newest(2);
  ASSERT_TRUE(Find(newest).ok());
  EXPECT_THAT(Found(), ElementsAre("fast", "other"));
}

TEST_F(ServerRecords, WhatIsFoundIsBounded) {
  v1::FindRecordsRequest request;
  request.set_newest(10'001);
  EXPECT_THAT(Find(request).error_message(), HasSubstr("allowed are 10000"));
  v1::FindRecordsRequest many;
  for (int i = 0; i < 1025; ++i) many.add_workloads("x");
  EXPECT_EQ(Find(many).error_code(), grpc::INVALID_ARGUMENT);
  std::vector<Record> records(9000, SampleRecord(""));
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].run_id = absl::StrCat("run-", i);
    records[i].device = std::string(500, 'd');
  }
  ASSERT_TRUE(store_->Append(records).ok());
  request.set_newest(9000);
  const grpc::Status status = Find(request);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("ask for less"));
}

TEST_F(ServerRecords, RevokingSaysWhatWasWithdrawnAndByWhom) {
  Add(Of("a", "xeon", 1e-3));
  Add(Of("b", "rpi4", 1e-3));
  v1::RevokeRecordsRequest request;
  request.set_device_key("xeon");
  request.set_reason("its fan had stopped");
  request.set_by("ann");
  ASSERT_TRUE(Revoke(request).ok());
  EXPECT_THAT(revoked_.run_ids(), ElementsAre("a"));
  EXPECT_FALSE(revoked_.more());
  v1::ListRevocationsReply listed;
  ASSERT_TRUE(Call(&v1::TuningService::Stub::ListRevocations, {}, &listed).ok());
  ASSERT_THAT(listed.revoked(), SizeIs(1));
  EXPECT_EQ(listed.revoked(0).run_id(), "a");
  EXPECT_EQ(listed.revoked(0).reason(), "its fan had stopped");
  EXPECT_EQ(listed.revoked(0).by(), "ann");
  EXPECT_NEAR(listed.revoked(0).unix_time(), clock_.UnixTime(), 60);
  ASSERT_TRUE(Find({}).ok());
  EXPECT_THAT(Found(), ElementsAre("b"));
}

TEST_F(ServerRecords, WhatABuilderBuiltIsRevokedWhoeverRanIt) {
  Record built = Of("built", "xeon", 1e-3);
  built.builder = "big";
  Add(built);
  Add(Of("own", "xeon", 1e-3));
  v1::RevokeRecordsRequest request;
  request.set_builder("big");
  request.set_reason("an old compiler");
  ASSERT_TRUE(Revoke(request).ok());
  EXPECT_THAT(revoked_.run_ids(), ElementsAre("built"));
}

TEST_F(ServerRecords, RevokingNeedsANameAndAReason) {
  Add(Of("a", "xeon", 1e-3));
  const auto refused = [&](const v1::RevokeRecordsRequest& request) {
    const grpc::Status status = Revoke(request);
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    return status.error_message();
  };
  v1::RevokeRecordsRequest request;
  request.set_reason("all of them");
  EXPECT_THAT(refused(request), HasSubstr("no record is named"));
  request.set_since(std::numeric_limits<double>::infinity());
  EXPECT_THAT(refused(request), HasSubstr("a time of inf s"));
  request.set_since(0);
  request.set_worker(std::string(1025, 'w'));
  EXPECT_THAT(refused(request), HasSubstr("a name of 1025 bytes"));
  request.set_worker("worker-1");
  request.set_reason(std::string(4097, 'r'));
  EXPECT_THAT(refused(request), HasSubstr("a reason of 4097 bytes"));
  request.set_reason("x");
  request.set_by(std::string(201, 'b'));
  EXPECT_THAT(refused(request), HasSubstr("201 bytes, allowed are 200"));
  EXPECT_EQ(*store_->Count({}), 1);
}

TEST_F(ServerRecords, ManyAreRevokedAndListedInPieces) {
  std::vector<Record> records(10'001, SampleRecord(""));
  for (size_t i = 0; i < records.size(); ++i) records[i].run_id = absl::StrCat("run-", i);
  ASSERT_TRUE(store_->Append(records).ok());
  v1::RevokeRecordsRequest request;
  request.set_worker("worker-1");
  request.set_reason(std::string(200, 'r'));
  ASSERT_TRUE(Revoke(request).ok());
  EXPECT_THAT(revoked_.run_ids(), SizeIs(10'000));
  EXPECT_TRUE(revoked_.more());
  ASSERT_TRUE(Revoke(request).ok());
  EXPECT_THAT(revoked_.run_ids(), ElementsAre("run-10000"));
  v1::ListRevocationsRequest list;
  v1::ListRevocationsReply reply;
  int calls = 0;
  do {
    ASSERT_TRUE(Call(&v1::TuningService::Stub::ListRevocations, list, &reply).ok());
    ASSERT_EQ(reply.revoked(0).run_id(), absl::StrCat("run-", list.after()));
    list.set_after(list.after() + static_cast<uint64_t>(reply.revoked_size()));
    ++calls;
  } while (reply.more());
  EXPECT_EQ(list.after(), 10'001u);
  EXPECT_GT(calls, 1);
}

// A worker whose test kernel has become slow.
class SuspectRecords : public ServerRecords {
 protected:
  v1::ReportReply::Result Withdraw(const v1::OpenSessionReply& session, const v1::WorkItem& item) {
    v1::ReportRequest request = ReportOf(session, item);
    request.mutable_fault()->set_reason("slot 0 has become\nslow");
    request.mutable_fault()->set_withdraws(true);
    grpc::ClientContext context;
    Limit(context);
    v1::ReportReply reply;
    const grpc::Status status = worker_->Report(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply.result();
  }
  v1::WorkItem Measure(const v1::OpenSessionReply& session, double seconds) {
    v1::WorkItem item = LeaseOne(session);
    v1::ReportReply reply;
    EXPECT_TRUE(Report(session, item, seconds, &reply).ok());
    return item;
  }
};

TEST_F(SuspectRecords, AreRevokedWithTheReasonAndMeasuredAgainByTheJobThatRuns) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(3), &job).ok());
  const v1::OpenSessionReply worker = Open("drifted");
  const v1::WorkItem wrong = Measure(worker, 1e-6);
  Measure(worker, 2e-3);
  EXPECT_EQ(Withdraw(worker, wrong), v1::ReportReply::RECORDED);
  const std::vector<Revocation> revoked = store_->Revocations().value();
  ASSERT_THAT(revoked, SizeIs(1));
  EXPECT_EQ(revoked[0].by, "drifted");
  EXPECT_EQ(revoked[0].reason, "suspect: slot 0 has become slow");
  EXPECT_EQ(Withdraw(worker, wrong), v1::ReportReply::DISCARDED) << "it is withdrawn already";
  std::set<std::string> configs;
  for (int i = 0; i < 2; ++i) configs.insert(Measure(worker, 3e-3).config());
  EXPECT_TRUE(configs.contains(wrong.config())) << "beside the third of the search";
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::DONE);
  EXPECT_EQ(events.back().tasks(0).best_seconds(), 2e-3);
}

TEST_F(SuspectRecords, AreRevokedWhenTheServerWasStartedAgainMeanwhile) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(1), &job).ok());
  const v1::OpenSessionReply worker = Open("drifted");
  const v1::WorkItem wrong = Measure(worker, 1e-6);
  Restart();
  EXPECT_EQ(Withdraw(worker, wrong), v1::ReportReply::RECORDED);
  EXPECT_EQ(store_->Count({}).value(), 0);
}

TEST_F(SuspectRecords, AResultThatIsWithdrawnBeforeItComesIsNotRecorded) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(1), &job).ok());
  const v1::OpenSessionReply worker = Open("drifted"), other = Open("other");
  const v1::WorkItem item = LeaseOne(worker);
  EXPECT_EQ(Withdraw(worker, item), v1::ReportReply::REQUEUED);
  v1::ReportReply reply;
  ASSERT_TRUE(Report(worker, item, 1e-6, &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::DISCARDED);
  EXPECT_EQ(LeaseOne(other).config(), item.config());
  EXPECT_EQ(store_->Count({}).value(), 0);
}

TEST_F(SuspectRecords, AnUnknownOneIsNoMistake) {
  v1::WorkItem unknown;
  unknown.set_attempt(123);
  EXPECT_EQ(Withdraw(Open("drifted"), unknown), v1::ReportReply::DISCARDED);
}

}  // namespace
}  // namespace tilewright
