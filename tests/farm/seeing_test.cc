// What people see of a running farm: health, reflection, metrics, the web page's data, the log.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "proto/call_method.h"
#include "proto/channel.h"
#include "proto/tilewright.grpc.pb.h"
#include "tests/farm/played_peers.h"
#include "tests/records/sample_records.h"
#include "tuner/server/server.h"
#include "tuner/server/services/worker_load.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// The whole answer to a request of one line, of a numeric "HOST:PORT".
std::string Ask(const std::string& address, const std::string& request) {
  const size_t colon = address.rfind(':');
  sockaddr_in name{.sin_family = AF_INET};
  name.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char bytes[4096];
  for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) > 0;) answer.append(bytes, n);
  close(fd);
  return answer;
}

class SeeingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_ = MakeFileLog(folder_ / "log", LogFormat::kJson).value();
    Start();
  }
  void Start() {
    server_ = Server::Start(
                  {.listen = "unix:" + (folder_ / "s"), .log = log_.get(), .http = "127.0.0.1:0"},
                  *store_, clock_)
                  .value();
    channel_ = MakeChannel({server_->address(), nullptr});
    worker_ = v1::WorkerService::NewStub(channel_);
    client_ = v1::TuningService::NewStub(channel_);
  }

  std::string Get(const std::string& path, const std::string& host = "127.0.0.1") const {
    return Ask(server_->http_address(), "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }
  Json GetJson(const std::string& path) const {
    const std::string answer = Get(path);
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK"));
    return Json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
  }

  v1::OpenSessionReply Open(const std::string& name) {
    v1::OpenSessionRequest request = PlayedWorker(name, "xeon", 1);
    request.mutable_device()->set_name("fake <b>cpu</b>");
    grpc::ClientContext context;
    v1::OpenSessionReply reply;
    EXPECT_TRUE(worker_->OpenSession(&context, request, &reply).ok());
    return reply;
  }
  std::string Submit(uint64_t trials) {
    v1::SubmitJobRequest request;
    *request.mutable_spec() = PlayedJob("xeon", trials);
    grpc::ClientContext context;
    v1::SubmitJobReply reply;
    EXPECT_TRUE(client_->SubmitJob(&context, request, &reply).ok());
    return reply.job();
  }
  // Leases a trial and reports it: timed, or as the worker's fault.
  void ServeOne(const v1::OpenSessionReply& session, bool fault) {
    grpc::ClientContext lease_context, report_context;
    v1::LeaseRequest lease;
    lease.set_session(session.session());
    lease.set_max_items(1);
    lease.set_max_wait_seconds(20);
    v1::LeaseReply leased;
    ASSERT_TRUE(worker_->Lease(&lease_context, lease, &leased).ok());
    ASSERT_EQ(leased.items_size(), 1);
    v1::ReportRequest report;
    report.set_session(session.session());
    report.set_server_epoch(session.server_epoch());
    report.set_attempt(leased.items(0).attempt());
    report.set_fence(leased.items(0).fence());
    if (fault) {
      report.mutable_fault()->set_reason("disk full\nERROR forged line");
    } else {
      report.mutable_measured()->mutable_outcome()->add_seconds(1e-3);
      report.mutable_measured()->set_run_seconds(0.25);
    }
    v1::ReportReply reply;
    ASSERT_TRUE(worker_->Report(&report_context, report, &reply).ok());
  }
  void WatchToEnd(const std::string& job) {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_job(job);
    const auto reader = client_->WatchJob(&context, request);
    for (v1::JobEvent event; reader->Read(&event);) {
    }
    EXPECT_TRUE(reader->Finish().ok());
  }

  const TempFolder folder_;
  const SystemClock clock_;
  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  std::unique_ptr<Log> log_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkerService::Stub> worker_;
  std::unique_ptr<v1::TuningService::Stub> client_;
};

TEST_F(SeeingTest, MetricsCountWhatHappens) {
  const std::string job = Submit(2);
  const v1::OpenSessionReply a = Open("a"), b = Open("b");
  ServeOne(a, /*fault=*/true);
  ServeOne(b, /*fault=*/false);
  ServeOne(b, /*fault=*/false);
  WatchToEnd(job);
  const std::string text = Get("/metrics");
  for (const char* line :
       {"tilewright_trials_total{key=\"xeon\",outcome=\"ok\"} 2",
        "tilewright_worker_faults_total{key=\"xeon\"} 1",
        "tilewright_device_busy_seconds_total{key=\"xeon\"} 0.5",
        "tilewright_dispatch_seconds_count{key=\"xeon\"} 3",
        "tilewright_queue_depth{key=\"xeon\"} 0", "tilewright_slots{key=\"xeon\"} 2",
        "tilewright_workers{health=\"good\"} 2", "tilewright_commit_seconds_count",
        // What did not happen is 0, rather than missing.
        "tilewright_lost_leases_total{key=\"xeon\"} 0", "tilewright_commit_failures_total 0"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

// What an autoscaler follows: a queue without workers holds one trial, however long the job.
TEST_F(SeeingTest, MetricsTellHowManyTrialsAreWantedBeforeTheFirstWorkerCame) {
  Submit(40);
  EXPECT_THAT(Get("/metrics"), HasSubstr("tilewright_wanted_trials{key=\"xeon\"} 40"));
  const v1::OpenSessionReply session = Open("w");
  ServeOne(session, false);
  ServeOne(session, false);
  // The job's own thread counts what the report has made durable.
  constexpr char kLeft[] = "tilewright_wanted_trials{key=\"xeon\"} 38";
  for (int i = 0; i < 400 && Get("/metrics").find(kLeft) == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  EXPECT_THAT(Get("/metrics"), HasSubstr(kLeft));
}

TEST_F(SeeingTest, ThePagesDataHoldsJobsCurvesAndWorkers) {
  const std::string job = Submit(2);
  const v1::OpenSessionReply session = Open("w");
  ServeOne(session, false);
  ServeOne(session, false);
  WatchToEnd(job);
  const Json jobs = GetJson("/api/jobs");
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0]["job"], job);
  EXPECT_EQ(jobs[0]["state"], "done");
  const Json shown = GetJson("/api/job?id=" + job);
  EXPECT_EQ(shown["curves"]["tasks"]["0"]["points"][0][0], 1);
  EXPECT_GT(shown["curves"]["tasks"]["0"]["points"][0][1], 0);
  EXPECT_EQ(shown["curves"]["model"][0], Json({1, 3e-3}));
  const Json farm = GetJson("/api/workers");
  server_.reset();
  Start();
  EXPECT_EQ(GetJson("/api/job?id=" + job), shown) << "told again from the journal";
  EXPECT_EQ(farm["workers"][0]["worker"], "w");
  EXPECT_EQ(farm["keys"][0]["total"], 1);
}

TEST_F(SeeingTest, ThePagesDataHoldsBestConfigsLayersAndHowBusyWorkersAre) {
  const std::string job = Submit(2);
  const v1::OpenSessionReply session = Open("w");
  ServeOne(session, false);
  ServeOne(session, false);
  WatchToEnd(job);
  const Json best = GetJson("/api/best?q=DENSE%20xeon");
  EXPECT_EQ(best["found"], 1);
  ASSERT_EQ(best["best"].size(), 1u);
  const Json& record = best["best"][0];
  EXPECT_EQ(record["job"], job);
  EXPECT_EQ(record["worker"], "w");
  EXPECT_EQ(record["seconds"], 1e-3);
  EXPECT_GT(record["gflops"], 0);
  EXPECT_EQ(GetJson("/api/best")["found"], 1);
  EXPECT_EQ(GetJson("/api/best?q=conv2d")["found"], 0);
  EXPECT_EQ(GetJson("/api/best?key=elsewhere")["found"], 0);
  const Json layers = GetJson("/api/layers?id=" + job);
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0]["workload"], record["workload"]);
  EXPECT_EQ(layers[0]["layers"], 3);
  EXPECT_THAT(layers[0]["how"].get<std::string>(), ::testing::StartsWith("exact"));
  EXPECT_EQ(layers[0]["record"], record);
  EXPECT_THAT(Get("/api/layers?id=nothing"), HasSubstr("404"));
  const Json farm = GetJson("/api/workers");
  EXPECT_GT(farm["workers"][0]["busy"], 0);
  EXPECT_LE(farm["workers"][0]["busy"], 1);
}

TEST(WorkerLoad, IsThePartOfTheLastMinuteInWhichRunnersLived) {
  struct SetClock final : Clock {
    double now = 1000;
    double Now() const override { return now; }
    double UnixTime() const override { return now; }
  } clock;
  WorkerLoad load(clock);
  const WorkerInfo worker{.name = "w", .slots = 2};
  const TrialRequest request;
  const auto run = [&](double seconds) {
    load.OnRecorded({.request = request, .worker = worker}, {.run_seconds = seconds}, false);
  };
  EXPECT_EQ(load.BusyShare("w"), 0);
  load.OnSessionOpened(worker);
  clock.now += 10;
  run(10);  // one of two slots, all the time
  EXPECT_DOUBLE_EQ(load.BusyShare("w"), 0.5);
  clock.now += 50;
  EXPECT_DOUBLE_EQ(load.BusyShare("w"), 10.0 / 120);
  clock.now += 55;  // the run has ended more than a minute ago
  EXPECT_DOUBLE_EQ(load.BusyShare("w"), 0);
  run(30);
  EXPECT_DOUBLE_EQ(load.BusyShare("w"), 30.0 / 120);
  load.OnSessionOpened(worker);  // the next session, before the last has ended
  load.OnSessionEnded(worker, true);
  EXPECT_DOUBLE_EQ(load.BusyShare("w"), 30.0 / 120);
  load.OnSessionEnded(worker, false);
  EXPECT_EQ(load.BusyShare("w"), 0);
}

TEST_F(SeeingTest, ThePageIsServedAndNothingElse) {
  const std::string page = Get("/");
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("<title>Tilewright farm</title>"));
  EXPECT_THAT(Get("/farm.js"), HasSubstr("setInterval"));
  EXPECT_THAT(Get("/farm.css"), HasSubstr("200 OK"));
  for (const char* path : {"/nothing", "/api/jobs/x", "/../etc/passwd", "/api/job?id=nothing"}) {
    EXPECT_THAT(Get(path), Not(HasSubstr("200 OK"))) << path;
  }
  EXPECT_THAT(Get("/api/jobs", "evil.example"), HasSubstr("421"));
  EXPECT_THAT(Get("/api/jobs", "localhost:1"), HasSubstr("200 OK"));
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    EXPECT_THAT(Ask(server_->http_address(), std::string(method) +
                                                 " /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                                 "Content-Length: 0\r\n\r\n"),
                Not(HasSubstr("200 OK")))
        << method;
  }
}

TEST_F(SeeingTest, HealthAndReflectionAnswer) {
  // HealthCheckResponse{status: SERVING} of grpc.health.v1.
  const MethodReply health = CallMethod(channel_, "/grpc.health.v1.Health/Check", "", 20);
  EXPECT_TRUE(health.status.ok()) << health.status.error_message();
  EXPECT_EQ(health.message, "\x08\x01");
  constexpr char kInfo[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  EXPECT_NE(CallMethod(channel_, kInfo, "", 20).status.error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(SeeingTest, TheLogTellsOfWorkersFaultsAndJobsWithoutSecrets) {
  const std::string job = Submit(1);
  const v1::OpenSessionReply a = Open("a"), b = Open("b");
  ServeOne(a, true);
  ServeOne(b, false);
  WatchToEnd(job);
  server_.reset();
  log_.reset();
  std::ifstream in(folder_ / "log");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::ifstream lines(folder_ / "log");
  bool fault = false, done = false, serves = false;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << line;
    fault |= json["message"] == "worker fault" && json["worker"] == "a" && json["job"] == job;
    done |= json["message"] == "job done" && json["job"] == job;
    serves |= json["message"] == "worker serves" && json["worker"] == "b";
  }
  EXPECT_TRUE(fault && done && serves) << text;
  EXPECT_THAT(text, Not(HasSubstr(a.session())));
  EXPECT_THAT(text, Not(HasSubstr("\nERROR")));
}

TEST(WebAddress, AnOpenOneNeedsTheUsersWord) {
  const auto store = MakeMemoryStore();
  const SystemClock clock;
  EXPECT_TRUE(absl::IsPermissionDenied(
      Server::Start({.listen = "127.0.0.1:0", .http = "0.0.0.0:0"}, *store, clock).status()));
  const auto server =
      Server::Start({.listen = "127.0.0.1:0", .http = "127.0.0.1:0"}, *store, clock).value();
  EXPECT_TRUE(absl::IsUnavailable(
      Server::Start({.listen = "127.0.0.1:0", .http = server->http_address()}, *store, clock)
          .status()));
}

}  // namespace
}  // namespace tilewright
