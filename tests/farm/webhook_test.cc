// What another program is told over HTTP, against a real listener.
#include "tuner/server/web/webhook.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "security/hmac.h"
#include "tests/farm/server_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kSecret[] = "a secret that both ends know";

// Takes one connection after the other and answers each request with the next of the statuses, the
// last one for ever; 0 = it says nothing.
class Listener {
 public:
  explicit Listener(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{.sin_family = AF_INET};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(here);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&here), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size), 0);
    url_ = absl::StrCat("http://127.0.0.1:", ntohs(here.sin_port), "/hook");
    thread_ = std::thread([this] { Serve(); });
  }
  ~Listener() {
    stopping_ = true;
    thread_.join();
    for (const int held : held_) close(held);
    close(socket_);
  }

  const std::string& url() const { return url_; }
  // The requests so far, once there are so many.
  std::vector<std::string> Requests(size_t count) {
    for (int i = 0; i < 600; ++i) {
      {
        std::lock_guard lock(mutex_);
        if (requests_.size() >= count) return requests_;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "fewer than " << count << " requests";
    return std::vector<std::string>(count);
  }

 private:
  void Serve() {
    while (!stopping_) {
      pollfd wait{.fd = socket_, .events = POLLIN};
      if (poll(&wait, 1, 20) <= 0) continue;
      const int peer = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      const int status = Keep(Read(peer));
      if (status == 0) {
        held_.push_back(peer);
        continue;
      }
      const std::string answer = absl::StrCat(
          "HTTP/1.1 ", status, " Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      EXPECT_GT(write(peer, answer.data(), answer.size()), 0);
      close(peer);
    }
  }
  // Headers and as much of a body as they say.
  static std::string Read(int peer) {
    std::string text;
    char bytes[4096];
    for (ssize_t n; (n = read(peer, bytes, sizeof(bytes))) > 0;) {
      text.append(bytes, static_cast<size_t>(n));
      const size_t end = text.find("\r\n\r\n"), length = text.find("Content-Length: ");
      if (end == std::string::npos || length == std::string::npos) continue;
      if (text.size() >= end + 4 + std::stoul(text.substr(length + 16))) break;
    }
    return text;
  }
  int Keep(std::string request) {
    std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    return statuses_[std::min(requests_.size(), statuses_.size()) - 1];
  }

  const std::vector<int> statuses_;
  int socket_ = -1;
  std::string url_;
  std::vector<int> held_;  // of the thread
  std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

std::string BodyOf(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

// Keeps its lines.
class LinesLog final : public Log {
 public:
  void Write(LogLevel level, std::string_view message, const LogFields& fields) override {
    std::lock_guard lock(mutex_);
    lines_ << FormatLine(LogFormat::kText, {0, level, message, fields}) << "\n";
  }
  std::string Text() {
    std::lock_guard lock(mutex_);
    return lines_.str();
  }

 private:
  std::mutex mutex_;
  std::ostringstream lines_;
};

class WebhookTest : public ::testing::Test {
 protected:
  std::unique_ptr<Webhook> Start(const std::string& url) {
    const WebhookOptions options{.url = url, .secret = kSecret, .first_wait_seconds = 0.01};
    return Webhook::Start(options, clock_, log_).value();
  }
  bool Logged(const std::string& text) {
    for (int i = 0; i < 600 && log_.Text().find(text) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return log_.Text().find(text) != std::string::npos;
  }

  const SystemClock clock_;
  LinesLog log_;
};

TEST_F(WebhookTest, AnEventIsPostedWithItsSignature) {
  Listener listener({204});
  const auto webhook = Start(listener.url());
  webhook->OnJobEnded("resnet18-3f2a", "failed", "no worker \"x\"\xFF");
  const std::string request = listener.Requests(1)[0];
  EXPECT_THAT(request, HasSubstr("POST /hook HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Tilewright-Signature: sha256=" +
                                 HmacSha256Hex(kSecret, BodyOf(request)).value() + "\r\n"));
  const Json body = Json::parse(BodyOf(request));
  EXPECT_EQ(body["event"], "job_ended");
  EXPECT_EQ(body["job"], "resnet18-3f2a");
  EXPECT_EQ(body["state"], "failed");
  EXPECT_EQ(body["message"], "no worker \"x\"\xEF\xBF\xBD");
  EXPECT_EQ(body["id"].get<std::string>().size(), 32u);
  EXPECT_NEAR(body["time"].get<double>(), clock_.UnixTime(), 60);
}

TEST_F(WebhookTest, OnlyAWorkerThatGoesBadIsTold) {
  Listener listener({200});
  const auto webhook = Start(listener.url());
  webhook->OnHealth("rack1", WorkerHealth::kMaintenance, "new fans");
  webhook->OnHealth("rack2", WorkerHealth::kGood, "");
  webhook->OnHealth("rack3", WorkerHealth::kBad, "disk full");
  const Json body = Json::parse(BodyOf(listener.Requests(1)[0]));
  EXPECT_EQ(body["event"], "worker_bad");
  EXPECT_EQ(body["worker"], "rack3");
  EXPECT_EQ(body["reason"], "disk full");
}

TEST_F(WebhookTest, WhatIsNotTakenIsSentAgainUnderTheSameId) {
  Listener listener({500, 302, 200});
  const auto webhook = Start(listener.url());
  webhook->OnJobEnded("job-1", "done", "");
  webhook->OnJobEnded("job-2", "done", "");
  const auto requests = listener.Requests(4);
  EXPECT_EQ(BodyOf(requests[0]), BodyOf(requests[1]));
  EXPECT_EQ(BodyOf(requests[0]), BodyOf(requests[2]));
  EXPECT_EQ(Json::parse(BodyOf(requests[3]))["job"], "job-2") << "in their order";
  EXPECT_EQ(log_.Text(), "");
}

TEST_F(WebhookTest, AnEventThatNobodyTakesIsGivenUpWithALine) {
  Listener listener({503});
  const auto webhook = Start(listener.url());
  webhook->OnJobEnded("job-1", "done", "");
  EXPECT_TRUE(Logged("webhook not delivered"));
  EXPECT_THAT(log_.Text(), HasSubstr("it answered 503"));
  EXPECT_EQ(listener.Requests(5).size(), 5u);
  const auto nobody = Start("http://127.0.0.1:1/");
  nobody->OnJobEnded("job-2", "done", "");
  EXPECT_TRUE(Logged("connect"));
}

TEST_F(WebhookTest, AReceiverThatSaysNothingHoldsNobodyUp) {
  Listener listener({0});
  auto webhook = Start(listener.url());
  for (int i = 0; i < 1100; ++i) webhook->OnJobEnded(absl::StrCat("job-", i), "done", "");
  listener.Requests(1);
  EXPECT_THAT(log_.Text(), HasSubstr("too many wait"));
  webhook.reset();
  EXPECT_THAT(log_.Text(), HasSubstr("the server stops"));
}

TEST_F(WebhookTest, AddressesAndSecretsThatAreNoneAreRefused) {
  const auto refused = [&](const std::string& url, const std::string& secret) {
    const absl::Status status =
        Webhook::Start({.url = url, .secret = secret}, clock_, log_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    return std::string(status.message());
  };
  EXPECT_THAT(refused("file:///etc/passwd", kSecret), HasSubstr("no address for a webhook"));
  EXPECT_THAT(refused("farm.example", kSecret), HasSubstr("no address for a webhook"));
  EXPECT_THAT(refused("http://farm.example/hook", kSecret), HasSubstr("use https"));
  EXPECT_THAT(refused("http://127.evil.example/hook", kSecret), HasSubstr("use https"));
  EXPECT_THAT(refused("https://farm.example/hook", "short"), HasSubstr("5 bytes can be guessed"));
}

class ServerWebhook : public ServerTest {};

TEST_F(ServerWebhook, AServerTellsOfItsJobsEnd) {
  Listener listener({200});
  server_.reset();
  server_ = Server::Start({.listen = "unix:" + folder_->path() + "/s",
                           .webhook = {.url = listener.url(), .secret = kSecret}},
                          *store_, clock_)
                .value();
  const auto channel = MakeChannel({server_->address(), nullptr});
  worker_ = v1::WorkerService::NewStub(channel);
  client_ = v1::TuningService::NewStub(channel);
  const v1::OpenSessionReply session = Open("w");
  v1::SubmitJobReply job;
  ASSERT_TRUE(Submit(Spec(3), &job).ok());
  Serve(session, 3);
  const Json body = Json::parse(BodyOf(listener.Requests(1)[0]));
  EXPECT_EQ(body["event"], "job_ended");
  EXPECT_EQ(body["job"], job.job());
  EXPECT_EQ(body["state"], "done");
}

}  // namespace
}  // namespace tilewright
