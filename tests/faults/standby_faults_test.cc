// Two servers on one PostgreSQL database: one works, the other waits for its end.
#include <gmock/gmock.h>

#include "tests/faults/farm_fixture.h"
#include "tests/records/postgres_server.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kStandbyTrials = 60;

class StandbyFaults : public FarmTest {
 protected:
  // A server with its log in a file of its name.
  std::unique_ptr<Child> StartServer(const std::string& name, const std::string& address) {
    const std::string command = std::string("exec ") + kTilewright + " serve --lease 3 --listen " +
                                address + " --records '" + records_() + "' >" + LogOf(name) +
                                " 2>&1";
    return std::make_unique<Child>(
        Child::Start({"/bin/sh", "-c", command}, ChildOutput::kOurStderr).value());
  }
  std::string LogOf(const std::string& name) const { return folder_->path() + "/" + name + ".log"; }
  std::string Log(const std::string& name) const {
    std::ifstream in(LogOf(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool Says(const std::string& name, const std::string& text) const {
    return WaitUntil([&] { return Log(name).find(text) != std::string::npos; });
  }
  FarmProcess Tune() const {
    return FarmProcess({"tune", model_(), "--server", address_(), "--key", "cpu", "--tuner",
                        "random", "--trials", std::to_string(kStandbyTrials)});
  }
  std::string records_() const override { return url_ + "&password=unsayable"; }

  PostgresServer& database_ = PostgresServer::Shared();
  const std::string url_ = database_.NewDatabase();
};

TEST_F(StandbyFaults, AJobGoesOnWithTheStandbyWhenItsServerIsKilled) {
  const auto first = StartServer("first", address_());
  ASSERT_TRUE(Says("first", "server started")) << Log("first");
  const auto second = StartServer("second", address_());
  ASSERT_TRUE(Says("second", "standby: waits")) << Log("second");
  FarmProcess worker(Worker("worker"));
  FarmProcess tune = Tune();
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 10; }));
  first->Kill();
  EXPECT_TRUE(Says("second", "server started")) << Log("second");
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(kStandbyTrials, 1);
  second->Terminate();
  EXPECT_EQ(second->Wait(), 0);
  EXPECT_THAT(Log("first") + Log("second"), Not(HasSubstr("unsayable")));
}

TEST_F(StandbyFaults, AStandbyEndsWhenTold) {
  const auto first = StartServer("first", address_());
  ASSERT_TRUE(Says("first", "server started")) << Log("first");
  const auto second = StartServer("second", address_() + "2");
  ASSERT_TRUE(Says("second", "standby: waits")) << Log("second");
  second->Terminate();
  EXPECT_EQ(second->Wait(), 0) << Log("second");
}

TEST_F(StandbyFaults, AJobOutlivesARestartOfItsDatabase) {
  const auto server = StartServer("first", address_());
  ASSERT_TRUE(Says("first", "server started")) << Log("first");
  FarmProcess worker(Worker("worker"));
  FarmProcess tune = Tune();
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 10; }));
  database_.Kill();
  ASSERT_TRUE(database_.Run().ok());
  EXPECT_EQ(tune.Wait(), 0) << Log("first");
  ExpectEachOnce(kStandbyTrials, 1);
}

// It stood still for so long that its session ended: what it knows of its jobs is old.
TEST_F(StandbyFaults, AServerThatWasTakenOverStops) {
  const auto first = StartServer("first", address_());
  ASSERT_TRUE(Says("first", "server started")) << Log("first");
  const auto second = StartServer("second", address_() + "2");
  ASSERT_TRUE(Says("second", "standby: waits")) << Log("second");
  kill(first->pid(), SIGSTOP);
  database_.Query(url_,
                  "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = "
                  "'advisory' AND granted");
  EXPECT_TRUE(Says("second", "server started")) << Log("second");
  kill(first->pid(), SIGCONT);
  EXPECT_EQ(WEXITSTATUS(first->Wait()), 4);
  EXPECT_THAT(Log("first"), HasSubstr("another server has taken over"));
}

}  // namespace
}  // namespace tilewright
