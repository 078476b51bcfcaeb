// Jobs as clients see them, from their submission to their end and over restarts.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <future>
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

TEST_F(ServerTest, AListShowsJobsOfOlderServersAsAnyOther) {
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(3), &job).ok());
  Serve(Open("w"), 3);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  server_.reset();
  JobRow row = store_->FindJob(job.job())->value();
  row.name = row.device_key = "";
  row.tasks = 0;
  row.budget = 0;
  ASSERT_TRUE(store_->Commit({.jobs = {&row, 1}}).ok());
  Restart();
  grpc::ClientContext context;
  Limit(context);
  v1::ListJobsReply list;
  ASSERT_TRUE(client_->ListJobs(&context, {}, &list).ok());
  ASSERT_THAT(list.jobs(), SizeIs(1));
  EXPECT_EQ(list.jobs(0).name(), "test");
  EXPECT_EQ(list.jobs(0).key(), "cpu");
  EXPECT_EQ(list.jobs(0).tasks(), 1u);
  EXPECT_EQ(list.jobs(0).budget(), 3u);
  EXPECT_EQ(list.jobs(0).state(), v1::DONE);
}

// Nothing went wrong with them: no look-up needs their records any more.

TEST_F(ServerTest, TrialsWhoseRecordsWerePrunedAreToldAsNoFailures) {
  constexpr int kTrials = 30;
  const std::string path = folder_->path() + "/farm.db";
  server_.reset();
  store_ = OpenSqliteStore(path).value();
  Restart();
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(kTrials), &job).ok());
  const v1::OpenSessionReply session = Open("w");
  for (int i = 0; i < kTrials; ++i) {
    v1::ReportReply reply;
    ASSERT_TRUE(Report(session, LeaseOne(session), 1e-3 + 1e-5 * i, &reply).ok());
  }
  std::vector<v1::JobEvent> events, again;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  server_.reset();
  store_.reset();
  const int64_t removed = PruneRecords(path, {}, /*dry_run=*/false).value().removed;
  ASSERT_GT(removed, 0);
  store_ = OpenSqliteStore(path).value();
  Restart();
  ASSERT_TRUE(Watch(job.job(), &again).ok());
  ASSERT_THAT(again, SizeIs(events.size()));
  int64_t without_time = 0;
  for (size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(again[i].trial().failure(), "");
    EXPECT_EQ(again[i].trial().best_gflops(), events[i].trial().best_gflops());
    without_time += again[i].has_trial() && again[i].trial().seconds() == 0 ? 1 : 0;
  }
  EXPECT_EQ(without_time, removed);
}

TEST_F(ServerTest, ATimeBudgetEndsAlsoWithoutAWorker) {
  v1::JobSpec spec = Spec(5);
  spec.set_time_seconds(3600);
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(spec, &job).ok());
  const auto runs = [&] {
    v1::ListJobsReply jobs;
    grpc::ClientContext context;
    Limit(context);
    return client_->ListJobs(&context, {}, &jobs).ok() && jobs.jobs(0).state() == v1::RUNNING;
  };
  while (!runs()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  clock_.skipped = 3600;
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::FAILED);
  EXPECT_THAT(events.back().message(), HasSubstr("no worker of the key \"cpu\" was free"));
}

// Answers what a submission asks first only when it is told to.
class HeldStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  absl::StatusOr<std::optional<JobRow>> FindRequest(const std::string& owner,
                                                    const std::string& request) const override {
    asked.count_down();
    go_on.wait();
    return ForwardingStore::FindRequest(owner, request);
  }
  mutable std::latch asked{1}, go_on{1};
};

TEST_F(ServerTest, WorkersAreAnsweredWhileASubmissionWaitsForTheStore) {
  HeldStore held(*store_);
  server_.reset();
  server_ = Server::Start({.listen = "unix:" + folder_->path() + "/s"}, held, clock_).value();
  const v1::OpenSessionReply session = Open("w");
  v1::SubmitJobReply job;
  std::thread submission([&] { EXPECT_TRUE(Submit(Spec(1), &job).ok()); });
  held.asked.wait();
  grpc::ClientContext context;
  Limit(context);
  v1::RenewRequest request;
  request.set_session(session.session());
  v1::RenewReply renewed;
  EXPECT_TRUE(worker_->Renew(&context, request, &renewed).ok());
  v1::LeaseReply leased;
  EXPECT_TRUE(Lease(session.session(), 0, &leased).ok());
  held.go_on.count_down();
  submission.join();
  EXPECT_FALSE(job.job().empty());
  server_.reset();  // before its store
}

// Keeps nothing more.
class BrokenStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  absl::Status Commit(const StoreBatch& batch) override {
    return broken ? absl::AbortedError("the disk failed") : ForwardingStore::Commit(batch);
  }
  std::atomic<bool> broken = false;
};

TEST_F(ServerTest, TellsOnceWhenItsStoreAcceptsNothingMore) {
  BrokenStore store(*store_);
  std::promise<std::string> told;  // a second value would throw
  server_.reset();
  server_ = Server::Start(
                {.listen = "unix:" + folder_->path() + "/s",
                 .on_broken_store =
                     [&](const absl::Status& why) { told.set_value(std::string(why.message())); }},
                store, clock_)
                .value();
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(2), &job).ok());
  const v1::OpenSessionReply session = Open("w");
  const v1::WorkItem item = LeaseOne(session);
  store.broken = true;
  v1::ReportReply reply;
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(Report(session, item, 1e-3, &reply).error_code(), grpc::UNAVAILABLE);
  }
  EXPECT_EQ(told.get_future().get(), "the disk failed");
  server_.reset();  // before its store
}

TEST_F(ServerTest, AThousandWorkersComeBackAtOnceAndNoneIsLost) {
  constexpr int kWorkers = 1000, kThreads = 8, kTrials = 40;
  std::vector<v1::OpenSessionReply> sessions(kWorkers);
  const auto open_all = [&] {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = thread; i < kWorkers; i += kThreads) sessions[i] = Open(absl::StrCat("w", i));
      });
    }
  };
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(kTrials), &job).ok());
  open_all();
  for (int i = 0; i < kTrials / 4; ++i) Serve(sessions[i], 1);
  v1::LeaseReply under_way;  // one trial is being measured
  ASSERT_TRUE(Lease(sessions[kTrials].session(), 20, &under_way).ok());
  Restart();
  open_all();
  grpc::ClientContext context;
  Limit(context);
  v1::ListWorkersReply listed;
  ASSERT_TRUE(client_->ListWorkers(&context, {}, &listed).ok());
  EXPECT_THAT(listed.workers(), SizeIs(kWorkers));
  EXPECT_EQ(listed.keys(0).free(), static_cast<uint32_t>(kWorkers));
  for (int i = 0; i < kTrials - kTrials / 4; ++i) Serve(sessions[kWorkers - 1 - i], 1);
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::DONE);
  const int64_t recorded = store_->Count({.job = job.job()}).value();
  EXPECT_EQ(recorded, kTrials);
  Print({.injected = kWorkers,
         .acknowledged = kTrials,
         .lost = std::max<int64_t>(0, kTrials - recorded),
         .twice = std::max<int64_t>(0, recorded - kTrials)});
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
    if (!over) {
      ASSERT_TRUE(Fault(session, leased.items(0)).ok());
    }
  }
  std::vector<v1::JobEvent> events;
  ASSERT_TRUE(Watch(job.job(), &events).ok());
  EXPECT_EQ(events.back().state(), v1::FAILED);
  EXPECT_THAT(events.back().message(), HasSubstr("disk full"));
  EXPECT_EQ(store_->Count({}).value(), 0);
}

TEST_F(ServerTest, AJobsIdIsAPlainNameWhateverTheModelsIs) {
  v1::JobSpec spec = Spec(1);
  spec.set_name("../../etc/x y");
  v1::SubmitJobReply reply;
  ASSERT_TRUE(Submit(spec, &reply).ok());
  EXPECT_EQ(reply.job().find_first_of("/ "), std::string::npos) << reply.job();
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

TEST_F(ServerTest, AJobBeginsWithTheConfigsThatItAsksFor) {
  const Template* schedule = FindTemplate("dense_pack.cpu").value();
  const ConfigSpace space =
      schedule->Space(ParseWorkload(kPlayedWorkload).value(), ParseTarget(kPlayedTarget).value());
  const std::vector<uint64_t> valid = space.EnumerateValid().value();
  const std::string wanted = EntitiesToJson(space.At(valid.back()));
  v1::JobSpec spec = Spec(2);
  spec.mutable_tasks(0)->add_first(R"([["tile_of_another_space","sp",[-1,2]]])");
  spec.mutable_tasks(0)->add_first(wanted);
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(spec, &job).ok());
  const v1::OpenSessionReply session = Open("w");
  std::vector<std::string> configs;
  for (int i = 0; i < 2; ++i) {
    v1::LeaseReply leased;
    ASSERT_TRUE(Lease(session.session(), 20, &leased).ok());
    ASSERT_THAT(leased.items(), SizeIs(1));
    configs.push_back(leased.items(0).config());
    v1::ReportReply reply;
    ASSERT_TRUE(Report(session, leased.items(0), 1e-3, &reply).ok());
  }
  EXPECT_EQ(configs[1], wanted) << "after the default, " << configs[0];
}

}  // namespace
}  // namespace tilewright
