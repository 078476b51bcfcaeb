// A farm whose network fails: connections break, and one direction or both stand still.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/faults/farm_fixture.h"
#include "tests/faults/tcp_proxy.h"

namespace tilewright {
namespace {

class NetworkFaults : public FarmTest {
 protected:
  void SetUp() override {
    FarmTest::SetUp();
    server_ = std::make_unique<FarmProcess>(std::vector<std::string>{
        "serve", "--embedded", "--listen", "127.0.0.1:0", "--records", records_(), "--lease", "2"});
    server_address_ = server_->ReadyLine();
    ASSERT_NE(server_address_, "");
    proxy_ = std::make_unique<TcpProxy>(server_port());
  }

  int server_port() const {
    return std::stoi(server_address_.substr(server_address_.rfind(':') + 1));
  }

  std::vector<std::string> WorkerAt(const std::string& name, const std::string& address) const {
    std::vector<std::string> command = Worker(name);
    command[3] = address;
    return command;
  }

  std::unique_ptr<FarmProcess> server_;
  std::string server_address_;
  std::unique_ptr<TcpProxy> proxy_;
};

// A report whose acknowledgement is lost is sent again, and known for what it is.
TEST_F(NetworkFaults, ConnectionsThatBreakAllTheTimeLoseNoReportAndCountNoneTwice) {
  FarmProcess worker(WorkerAt("worker", proxy_->address()));
  FarmProcess tune(Tune(proxy_->address(), 60));
  std::atomic<bool> done = false;
  int breaks = 0;
  std::thread breaker([&] {
    for (; breaks < 20 && !done; ++breaks) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      proxy_->BreakAll();
    }
  });
  EXPECT_EQ(tune.Wait(), 0);
  done = true;
  breaker.join();
  ExpectEachOnce(60, breaks);
}

// Connections stop one by one until all stand still, and come back in any order ("swizzle-clog":
// FoundationDB's simulation).
TEST_F(NetworkFaults, WorkersThatStandStillOneByOneComeBackInAnyOrderAndLoseNothing) {
  std::vector<std::unique_ptr<TcpProxy>> ways;
  std::vector<std::unique_ptr<FarmProcess>> workers;
  for (int i = 0; i < 4; ++i) {
    ways.push_back(std::make_unique<TcpProxy>(server_port()));
    workers.push_back(
        std::make_unique<FarmProcess>(WorkerAt(absl::StrCat("worker", i), ways.back()->address())));
  }
  FarmProcess tune(Tune(server_address_, 80));
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 5; }));
  const auto hold = [&](TcpProxy& way, bool held) {
    way.HoldToServer(held);
    way.HoldToClient(held);
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
  };
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  for (const auto& way : ways) hold(*way, true);
  std::shuffle(ways.begin(), ways.end(), std::mt19937(seed));
  for (const auto& way : ways) hold(*way, false);
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(80, static_cast<int>(ways.size()));
}

struct Cut {
  const char* name;
  bool to_server, to_client;
};

class Partition : public NetworkFaults, public testing::WithParamInterface<Cut> {};

TEST_P(Partition, GivesTheTrialsToAnotherWorkerAndTheOneCutOffComesBack) {
  FarmProcess cut(WorkerAt("cut", proxy_->address()));
  FarmProcess first(Tune(server_address_, 80));
  ASSERT_TRUE(WaitUntil([&] { return RecordedBy()["cut"] >= 3; }));
  proxy_->HoldToServer(GetParam().to_server);
  proxy_->HoldToClient(GetParam().to_client);
  {
    FarmProcess other(WorkerAt("other", server_address_));
    EXPECT_EQ(first.Wait(), 0);
    EXPECT_GT(RecordedBy()["other"], 0);
  }
  EXPECT_EQ(Recorded(), 80) << "each trial once";
  proxy_->HoldToServer(false);
  proxy_->HoldToClient(false);
  FarmProcess second(Tune(server_address_, 100));  // another job
  EXPECT_EQ(second.Wait(), 0) << "nobody is left but the worker that was cut off";
  ExpectEachOnce(180, 1);
}

INSTANTIATE_TEST_SUITE_P(Of, Partition,
                         testing::Values(Cut{"ReportsOnly", true, false},
                                         Cut{"AnswersOnly", false, true},
                                         Cut{"BothDirections", true, true}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tilewright
