// The protocol as workers and clients see it.
#include "tuner/server/server.h"

#include <cmath>
#include <sstream>
#include <thread>

#include "proto/convert.h"
#include "records/formats/autotvm_log.h"
#include "tests/farm/server_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(ServerTest, AWorkerWithAForeignTargetIsRefused) {
  grpc::ClientContext context;
  Limit(context);
  v1::OpenSessionRequest request = PlayedWorker("w", "cpu", 4);
  request.mutable_device()->set_target("frob -x=y");
  v1::OpenSessionReply reply;
  EXPECT_EQ(worker_->OpenSession(&context, request, &reply).error_code(), grpc::INVALID_ARGUMENT);
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

TEST_F(ServerTest, AReportLeasesTheNextTrialInTheSameCall) {
  const v1::OpenSessionReply session = Open("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(3), &job).ok());
  const auto report = [&](const v1::WorkItem& item, uint32_t wanted) {
    grpc::ClientContext context;
    Limit(context);
    v1::ReportRequest request = ReportOf(session, item);
    request.mutable_measured()->mutable_outcome()->add_seconds(1e-3);
    request.set_lease_items(wanted);
    v1::ReportReply reply;
    EXPECT_TRUE(worker_->Report(&context, request, &reply).ok());
    return reply;
  };
  const v1::WorkItem first = LeaseOne(session);
  for (v1::ListWorkersReply listed; listed.keys().empty() || listed.keys(0).pending() < 2;) {
    grpc::ClientContext context;
    Limit(context);
    ASSERT_TRUE(client_->ListWorkers(&context, {}, &listed).ok());
  }
  const v1::ReportReply reply = report(first, 1);
  EXPECT_EQ(reply.result(), v1::ReportReply::RECORDED);
  ASSERT_THAT(reply.leased(), SizeIs(1));
  EXPECT_NE(reply.leased(0).config(), first.config());
  EXPECT_THAT(report(reply.leased(0), 0).leased(), SizeIs(0)) << "nothing was asked for";
  EXPECT_THAT(report(LeaseOne(session), 4).leased(), SizeIs(0)) << "there is nothing more";
  EXPECT_EQ(store_->Count({}).value(), 3);
}

TEST_F(ServerTest, AReportOfASessionThatIsOverCountsAndLeasesNothing) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(5), &job).ok());
  const v1::OpenSessionReply older = Open("w");
  v1::ReportRequest request = ReportOf(older, LeaseOne(older));
  Open("w");
  request.mutable_measured()->mutable_outcome()->add_seconds(1e-3);
  request.set_lease_items(1);
  grpc::ClientContext context;
  Limit(context);
  v1::ReportReply reply;
  ASSERT_TRUE(worker_->Report(&context, request, &reply).ok());
  EXPECT_EQ(reply.result(), v1::ReportReply::LATE_RECORDED);
  EXPECT_THAT(reply.leased(), SizeIs(0));
}

TEST_F(ServerTest, AWorkItemSaysHowItsJobWantsItTimed) {
  v1::JobSpec spec = Spec(5);
  spec.set_seed(9);
  *spec.mutable_measure() = ToMessage(MeasureOptions{.run_limit_seconds = 2, .calls = 4});
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(spec, &job).ok());
  const v1::WorkItem item = LeaseOne(Open("w"));
  EXPECT_EQ(item.options().run_limit_seconds(), 2);
  EXPECT_EQ(item.options().calls(), 4u);
  EXPECT_EQ(item.options().seed(), 9u);
  spec.mutable_measure()->set_calls(5);
  v1::SubmitJobReply other;
  ASSERT_TRUE(Submit(spec, &other).ok());
  EXPECT_NE(job.job(), other.job()) << "another job";
  spec.mutable_measure()->set_max_samples(1'000'000'000);
  EXPECT_EQ(Submit(spec, &other).error_code(), grpc::INVALID_ARGUMENT);
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
  v1::OpenSessionRequest request = PlayedWorker("w", "cpu", 4);
  request.set_protocol_min(7);
  request.set_protocol_max(9);
  v1::OpenSessionReply reply;
  const grpc::Status status = worker_->OpenSession(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("upgrade the server"));
}

TEST_F(ServerTest, ASessionsNameIsManyRandomDigits) {
  const std::string first = Open("a").session(), second = Open("b").session();
  EXPECT_THAT(first, ::testing::MatchesRegex("[0-9a-f]{32,}"));
  Restart();
  const std::string again = Open("a").session();
  EXPECT_TRUE(first != second && first != again && second != again);
}

TEST(FailureMessage, IsCutBetweenCharactersSoThatItsReportIsRead) {
  for (const char* start : {"", "a", "ab", "abc"}) {
    std::string text = start;
    while (text.size() < 100'000) text += "\u20ac";
    const Failure failure{FailureKind::kCrash, text};
    v1::Outcome read;
    ASSERT_TRUE(read.ParseFromString(ToMessage(Outcome(failure)).SerializeAsString()));
    EXPECT_LT(read.message().size(), text.size());
    EXPECT_TRUE(text.starts_with(read.message()));
  }
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

// It is made piece by piece, as the client takes them.
TEST_F(ServerTest, WhatIsStoredWhileTheLogIsFetchedIsInIt) {
  std::vector<Record> records(20'000, SampleRecord("0"));
  for (size_t i = 0; i < records.size(); ++i) records[i].run_id = "run-" + std::to_string(i);
  ASSERT_TRUE(store_->Append(records).ok());
  grpc::ClientContext context;
  Limit(context);
  v1::FetchBlobRequest request;
  request.set_name("records.log");
  const auto reader = client_->FetchBlob(&context, request);
  v1::BlobChunk chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  const Record last = SampleRecord("meanwhile");
  ASSERT_TRUE(store_->Append({&last, 1}).ok());
  std::string log = chunk.data();
  while (reader->Read(&chunk)) log += chunk.data();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_NE(log.find("meanwhile"), std::string::npos);
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
  EXPECT_TRUE(reply.drain()) << "whoever asks at once would ask for nothing, again and again";
}

TEST(ServerAddress, AnOpenOneNeedsTheUsersWord) {
  const auto store = MakeMemoryStore();
  const SystemClock clock;
  const absl::Status status = Server::Start({.listen = "0.0.0.0:0"}, *store, clock).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--insecure"));
  EXPECT_TRUE(Server::Start({.listen = "127.0.0.1:0"}, *store, clock).ok());
}

TEST(ServerAddress, OnlyLoopbackAndUnixSocketsAreLocal) {
  for (const char* local :
       {"unix:/tmp/s", "127.0.0.1:9190", "127.9.9.9:1", "localhost:1", "[::1]:1"}) {
    EXPECT_TRUE(IsLocal(local)) << local;
  }
  for (const char* other :
       {"127.evil.example:1", "0.0.0.0:1", "localhost.evil.example:1", "[::2]:1"}) {
    EXPECT_FALSE(IsLocal(other)) << other;
  }
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
