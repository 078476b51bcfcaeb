// The last phase of a job as clients and workers that a test plays see it.
#include <algorithm>

#include "compiler/templates/template.h"
#include "proto/network.h"
#include "tests/farm/server_fixture.h"
#include "tuner/server/jobs/job_tasks.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ServerNetwork : public ServerTest {
 protected:
  static v1::JobSpec SpecWithModel(uint64_t trials) {
    v1::JobSpec spec = Spec(trials);
    v1::Network network;
    network.set_model("the server never looks into it");
    spec.set_network(network.SerializeAsString());
    return spec;
  }
  v1::OpenSessionReply OpenFor(const std::string& name) {
    grpc::ClientContext context;
    Limit(context);
    v1::OpenSessionRequest request = PlayedWorker(name, "cpu", 4);
    request.set_networks(true);
    v1::OpenSessionReply reply;
    EXPECT_TRUE(worker_->OpenSession(&context, request, &reply).ok());
    return reply;
  }
  // Trials, each of another time, until the network is leased.
  v1::WorkItem ServeTrials(const v1::OpenSessionReply& session) {
    for (int i = 0; i < 100; ++i) {
      const v1::WorkItem item = LeaseOne(session);
      if (!item.network().empty()) return item;
      v1::ReportReply reply;
      EXPECT_TRUE(Report(session, item, 1e-3 + 1e-5 * i, &reply).ok());
    }
    ADD_FAILURE() << "no network was leased";
    return {};
  }
  grpc::Status Tell(const v1::OpenSessionReply& session, const v1::WorkItem& item,
                    const std::string& times, v1::ReportReply* reply) {
    grpc::ClientContext context;
    Limit(context);
    v1::ReportRequest request = ReportOf(session, item);
    request.set_network(times);
    return worker_->Report(&context, request, reply);
  }
  // Five rounds; the more the options' numbers, the faster.
  static std::string TimesOf(const v1::WorkItem& item, double default_seconds = 0.01) {
    const v1::NetworkRound round = ReadNetworkRound(item.network()).value();
    v1::NetworkTimes times;
    for (const v1::NetworkMix& mix : round.mixes()) {
      v1::NetworkRuns& runs = *times.add_mixes();
      for (int i = 0; i < 5; ++i) {
        v1::NetworkSeconds& run = *runs.add_rounds();
        for (const uint32_t option : mix.options()) {
          run.add_layers(default_seconds / (1 + option));
          run.set_whole(run.whole() + run.layers(run.layers_size() - 1));
        }
      }
    }
    return times.SerializeAsString();
  }
  void Answer(const v1::OpenSessionReply& session, const v1::WorkItem& item) {
    v1::ReportReply reply;
    EXPECT_TRUE(Tell(session, item, TimesOf(item), &reply).ok());
    EXPECT_EQ(reply.result(), v1::ReportReply::RECORDED);
  }
  v1::JobEvent EndOf(const std::string& job, std::vector<v1::JobEvent>* events) {
    events->clear();
    EXPECT_TRUE(Watch(job, events).ok());
    return events->empty() ? v1::JobEvent() : events->back();
  }
  int Decisions() {
    return static_cast<int>(store_->Count({.record_class = kInNetworkClass}).value());
  }
  std::vector<v1::JobEvent> events_;
};

TEST_F(ServerNetwork, IsTimedAtTheEndAndWhatItDecidedIsRecorded) {
  const v1::OpenSessionReply session = OpenFor("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(SpecWithModel(8), &job).ok());
  const v1::WorkItem first = ServeTrials(session);
  const v1::NetworkRound round = ReadNetworkRound(first.network()).value();
  EXPECT_EQ(round.network().model(), "the server never looks into it");
  EXPECT_EQ(round.target(), kPlayedTarget);
  ASSERT_THAT(round.layers(), SizeIs(1));
  EXPECT_EQ(round.layers(0).workload(), kPlayedWorkload);
  EXPECT_GE(round.mixes_size(), 2) << "the default and another";
  EXPECT_EQ(Decisions(), 0);
  Answer(session, first);
  Answer(session, LeaseOne(session));
  const v1::JobEvent end = EndOf(job.job(), &events_);
  EXPECT_EQ(end.state(), v1::DONE);
  const v1::NetworkResult result = ReadNetworkResult(end.network());
  EXPECT_THAT(result.left_out(), IsEmpty());
  EXPECT_EQ(result.rounds(), 5u);
  EXPECT_DOUBLE_EQ(result.default_seconds(), 0.01);
  EXPECT_LT(result.tuned_seconds(), 0.01);
  EXPECT_EQ(result.worker(), "w");
  ASSERT_EQ(Decisions(), 1);
  const Record decision = store_->Newest({.record_class = kInNetworkClass}, 1).value().front();
  EXPECT_EQ(decision.task.workload.Key(), kPlayedWorkload);
  EXPECT_EQ(decision.job, job.job());
  EXPECT_EQ(decision.worker, "w");
  EXPECT_THAT(std::get<Timing>(decision.outcome).seconds, SizeIs(5));
  const Template& schedule = *FindTemplate(decision.task.template_name).value();
  EXPECT_EQ(decision.index, schedule.Space(decision.task.workload, decision.task.target)
                                .IndexOf(decision.config)
                                .value());
  const auto phase = std::find_if(events_.begin(), events_.end(), [](const v1::JobEvent& event) {
    return event.message() == "timing the whole network";
  });
  EXPECT_NE(phase, events_.end());
}

TEST_F(ServerNetwork, AServerThatStartsInThePhaseRepeatsIt) {
  v1::OpenSessionReply session = OpenFor("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(SpecWithModel(8), &job).ok());
  const v1::WorkItem before = ServeTrials(session);
  Answer(session, before);
  const v1::WorkItem second = LeaseOne(session);
  Restart();
  session = OpenFor("w");
  const v1::WorkItem again = LeaseOne(session);
  EXPECT_EQ(ReadNetworkRound(again.network()).value().mixes_size(),
            ReadNetworkRound(before.network()).value().mixes_size());
  v1::ReportReply late;
  ASSERT_TRUE(Tell(session, second, TimesOf(second), &late).ok());
  EXPECT_EQ(late.result(), v1::ReportReply::DISCARDED);
  Answer(session, again);
  Answer(session, LeaseOne(session));
  EXPECT_EQ(EndOf(job.job(), &events_).state(), v1::DONE);
  EXPECT_EQ(Decisions(), 1);
  for (size_t i = 0; i < events_.size(); ++i) EXPECT_EQ(events_[i].sequence(), i + 1);
}

TEST_F(ServerNetwork, AJobThatEndedWhileItWasPausedGoesOnWhenItIsSubmittedAgain) {
  const v1::OpenSessionReply session = OpenFor("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(SpecWithModel(8), &job).ok());
  Answer(session, ServeTrials(session));
  const v1::WorkItem last = LeaseOne(session);
  v1::PauseJobRequest pause;
  pause.set_job(job.job());
  v1::PauseJobReply paused;
  grpc::ClientContext context;
  Limit(context);
  ASSERT_TRUE(client_->PauseJob(&context, pause, &paused).ok());
  Answer(session, last);
  ASSERT_EQ(EndOf(job.job(), &events_).state(), v1::DONE);
  const Record wrong = store_->Newest({.job = job.job(), .record_class = "ok"}, 1).value().front();
  const Revocation revocation{.run_id = wrong.run_id, .reason = "a warm room"};
  ASSERT_TRUE(store_->Commit({.revocations = {&revocation, 1}}).ok());
  ASSERT_TRUE(Submit(SpecWithModel(8), &job, "another request").ok());
  Answer(session, ServeTrials(session));  // what was revoked is measured again
  Answer(session, LeaseOne(session));
  EXPECT_EQ(EndOf(job.job(), &events_).state(), v1::DONE);
}

TEST_F(ServerNetwork, WithoutAModelThePhaseIsLeftOutWithTheReason) {
  const v1::OpenSessionReply session = OpenFor("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(2), &job).ok());
  v1::JobSpec other = Spec(3);
  v1::Network network;
  network.set_left_out("too large");
  other.set_network(network.SerializeAsString());
  v1::SubmitJobReply too_large;
  Serve(session, 2);
  const v1::JobEvent end = EndOf(job.job(), &events_);
  EXPECT_EQ(end.state(), v1::DONE);
  EXPECT_THAT(ReadNetworkResult(end.network()).left_out(), HasSubstr("sent no model"));
  ASSERT_TRUE(Submit(other, &too_large).ok());
  EXPECT_NE(too_large.job(), job.job());
  Serve(session, 3);
  const v1::JobEvent second = EndOf(too_large.job(), &events_);
  EXPECT_EQ(ReadNetworkResult(second.network()).left_out(), "too large");
}

TEST_F(ServerNetwork, WhatDoesNotCompileOrCannotBeTrueLeavesThePhaseOut) {
  v1::NetworkTimes does_not_compile;
  does_not_compile.set_left_out("unknown operator");
  const auto told = [&](const v1::WorkItem& item, int i) {
    if (i == 0) return does_not_compile.SerializeAsString();
    return i == 1 ? TimesOf(item, 1e-15) : std::string("\xff\xff");
  };
  const v1::OpenSessionReply session = OpenFor("w");
  for (int i = 0; i < 3; ++i) {
    v1::SubmitJobReply job;
    ASSERT_TRUE(Submit(SpecWithModel(8 + i), &job).ok());
    const v1::WorkItem item = ServeTrials(session);
    v1::ReportReply reply;
    ASSERT_TRUE(Tell(session, item, told(item, i), &reply).ok());
    const v1::JobEvent end = EndOf(job.job(), &events_);
    EXPECT_EQ(end.state(), v1::DONE);
    EXPECT_THAT(ReadNetworkResult(end.network()).left_out(), Not(IsEmpty())) << i;
    EXPECT_EQ(Decisions(), 0);
  }
}

TEST_F(ServerNetwork, AMessageAboveTheBoundsIsRefused) {
  v1::JobSpec spec = Spec(1);
  v1::Network network;
  network.set_model(std::string(kMaxNetworkModelBytes + 1, 'x'));
  spec.set_network(network.SerializeAsString());
  v1::SubmitJobReply job;
  EXPECT_EQ(Submit(spec, &job).error_code(), grpc::INVALID_ARGUMENT);
  const v1::OpenSessionReply session = OpenFor("w");
  ASSERT_TRUE(Submit(SpecWithModel(8), &job).ok());
  const v1::WorkItem item = ServeTrials(session);
  v1::ReportReply reply;
  EXPECT_EQ(Tell(session, item, std::string(kMaxNetworkBytes + 1, 'x'), &reply).error_code(),
            grpc::INVALID_ARGUMENT);
}

TEST_F(ServerNetwork, CancellingInThePhaseCancelsTheJobAndRecordsNoDecision) {
  const v1::OpenSessionReply session = OpenFor("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(SpecWithModel(8), &job).ok());
  ServeTrials(session);
  grpc::ClientContext context;
  Limit(context);
  v1::CancelJobRequest request;
  request.set_job(job.job());
  v1::CancelJobReply reply;
  ASSERT_TRUE(client_->CancelJob(&context, request, &reply).ok());
  EXPECT_EQ(EndOf(job.job(), &events_).state(), v1::CANCELLED);
  EXPECT_EQ(Decisions(), 0);
}

TEST_F(ServerNetwork, AFaultyWorkersRoundIsGivenToAnother) {
  const v1::OpenSessionReply bad = OpenFor("bad");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(SpecWithModel(8), &job).ok());
  const v1::WorkItem item = ServeTrials(bad);
  const v1::OpenSessionReply good = OpenFor("good");
  ASSERT_TRUE(Fault(bad, item).ok());
  Answer(good, LeaseOne(good));
  Answer(good, LeaseOne(good));
  const v1::JobEvent end = EndOf(job.job(), &events_);
  EXPECT_EQ(ReadNetworkResult(end.network()).worker(), "good");
}

TEST_F(ServerNetwork, APartOfTheJobsTimeIsKeptForIt) {
  const auto seconds_of_trials = [](v1::JobSpec spec, double seconds) {
    spec.set_time_seconds(seconds);
    JobTasks none;
    return MakeTuneJob(spec, none).budget.seconds;
  };
  EXPECT_EQ(seconds_of_trials(SpecWithModel(8), 100), 75);
  EXPECT_EQ(seconds_of_trials(SpecWithModel(8), 1000), 940);
  EXPECT_EQ(seconds_of_trials(Spec(8), 100), 100) << "there will be no last phase";
}

TEST_F(ServerNetwork, ThePhaseEndsWithTheTimeOfTheJob) {
  const v1::OpenSessionReply session = OpenFor("w");
  v1::JobSpec spec = SpecWithModel(8);
  spec.set_time_seconds(3600);
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(spec, &job).ok());
  ServeTrials(session);
  clock_.skipped = 3600;
  const v1::JobEvent end = EndOf(job.job(), &events_);
  EXPECT_EQ(end.state(), v1::DONE);
  EXPECT_THAT(ReadNetworkResult(end.network()).left_out(), HasSubstr("time was over"));
  EXPECT_EQ(Decisions(), 0);
}

}  // namespace
}  // namespace tilewright
