// The farm with real processes that are killed, interrupted and restarted.
#include <gmock/gmock.h>

#include <filesystem>

#include "records/store/record_store.h"
#include "tests/faults/farm_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using FarmFaults = FarmTest;

TEST_F(FarmFaults, TwoKeysAreServedAtTheSameTimeAndTheirRecordsStayApart) {
  FarmProcess server(Serve());
  ASSERT_NE(server.ReadyLine(), "");
  FarmProcess a(Worker("worker-a", "key-a")), b(Worker("worker-b", "key-b"));
  FarmProcess first({"tune", model_(), "--server", address_(), "--key", "key-a", "--tuner",
                     "random", "--trials", "24"});
  FarmProcess second({"tune", model_(), "--server", address_(), "--key", "key-b", "--tuner",
                      "random", "--trials", "24"});
  EXPECT_TRUE(WaitUntil([&] {
    auto counts = RecordedBy();
    return counts["worker-a"] > 0 && counts["worker-b"] > 0;
  }));
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  for (const char* verb : {"best", "history", "records export -o -"}) {
    EXPECT_EQ(Shell(std::string(verb) + " --records farm:" + address_() + " --key key-a"), 0);
    EXPECT_THAT(text_, HasSubstr("key-a"));
    EXPECT_THAT(text_, Not(HasSubstr("key-b")));
  }
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  const auto store = OpenSqliteStore(records_(), /*read_only=*/true).value();
  for (const char* name : {"a", "b"}) {
    int trials = 0;
    ASSERT_TRUE(store
                    ->ForEach({.device_key = std::string("key-") + name},
                              [&](const Record& r) {
                                EXPECT_EQ(r.worker, std::string("worker-") + name);
                                trials += r.trial > 0;  // not what the network decided
                                return true;
                              })
                    .ok());
    EXPECT_EQ(trials, 24);
  }
}

TEST_F(FarmFaults, TrialsOfAKilledWorkerAreMeasuredByAnother) {
  FarmProcess server(Serve("2"));
  ASSERT_NE(server.ReadyLine(), "");
  FarmProcess victim(Worker("victim"));
  FarmProcess tune({"tune", model_(), "--server", address_(), "--key", "cpu", "--tuner", "random",
                    "--trials", "40"});
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 3; }));
  victim.Signal(SIGKILL);
  victim.Wait();
  const int by_victim = Recorded();
  ASSERT_LT(by_victim, 40) << "the job was over too soon to test anything";
  FarmProcess rescuer(Worker("rescuer"));
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(40, 1);
  EXPECT_EQ(RecordedBy()["rescuer"], 40 - RecordedBy()["victim"]);
}

TEST_F(FarmFaults, CtrlCKeepsWhatWasMeasuredAndTheSameCommandContinues) {
  const std::vector<std::string> command = {"tune",    model_(), "--records", records_(),
                                            "--tuner", "random", "--trials",  "60"};
  {
    FarmProcess tune(command);
    ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 5; }));
    tune.Signal(SIGINT);
    EXPECT_EQ(tune.Wait(), 1);
  }
  const int before = Recorded();
  EXPECT_GE(before, 5);
  EXPECT_LT(before, 60);
  FarmProcess again(command);
  EXPECT_EQ(again.Wait(), 0);
  EXPECT_EQ(Recorded(), 60) << "each trial once";
}

TEST_F(FarmFaults, ServersThatAreKilledGoOnWithTheirJobsAndClientsRideItOut) {
  FarmProcess worker(Worker("worker"));
  auto server = std::make_unique<FarmProcess>(Serve());
  ASSERT_NE(server->ReadyLine(), "");
  FarmProcess client({"tune", model_(), "--server", address_(), "--key", "cpu", "--tuner", "random",
                      "--trials", "40"});
  constexpr int kKills = 2;
  for (int kills = 1; kills <= kKills; ++kills) {
    ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 8 * kills; }));
    server->Signal(SIGKILL);
    server->Wait();
    server = std::make_unique<FarmProcess>(Serve());
    ASSERT_NE(server->ReadyLine(), "");
  }
  EXPECT_EQ(client.Wait(), 0);
  ExpectEachOnce(40, kKills);
  EXPECT_EQ(Shell("jobs --server " + address_()), 0);
  EXPECT_THAT(text_, HasSubstr("done"));
}

TEST_F(FarmFaults, AClientThatWaitsForAWorkerCanBeInterrupted) {
  FarmProcess server(Serve());
  ASSERT_NE(server.ReadyLine(), "");
  for (const int signal : {SIGINT, SIGTERM}) {
    FarmProcess tune({"tune", model_(), "--server", address_(), "--key", "nobody"});
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // it waits by now, or soon
    tune.Signal(signal);
    EXPECT_NE(tune.Wait(), 0);
  }
}

TEST_F(FarmFaults, AJobCanBePausedAndResumed) {
  FarmProcess server(Serve());
  ASSERT_NE(server.ReadyLine(), "");
  ASSERT_EQ(Shell("submit " + model_() + Farm() + " --target cpu --trials 8 --tuner random"), 0);
  const std::string job = text_.substr(text_.rfind("mlp-"), 20);
  EXPECT_EQ(Shell("pause " + job + " --server " + address_()), 0) << text_;
  EXPECT_EQ(Shell("jobs --server " + address_()), 0);
  EXPECT_THAT(text_, HasSubstr("paused"));
  EXPECT_EQ(Shell("resume " + job + " --server " + address_()), 0) << text_;
  EXPECT_EQ(Shell("cancel " + job + " --server " + address_()), 0) << text_;
}

TEST_F(FarmFaults, AJobWithoutAWorkerFailsByOptionAndNamesTheKeys) {
  FarmProcess server(Serve());
  ASSERT_NE(server.ReadyLine(), "");
  EXPECT_EQ(Shell("tune " + model_() + Farm("xeon") + " --no-wait"), 4);
  EXPECT_THAT(text_, HasSubstr("no worker offers the key \"xeon\"; offered: none"));
  EXPECT_EQ(Shell("submit " + model_() + Farm("xeon") + " --target cpu --no-wait"), 4);
  EXPECT_EQ(Shell("jobs --server " + address_()), 0);
  EXPECT_THAT(text_, HasSubstr("cancelled"));
  EXPECT_EQ(Shell("workers --server " + address_()), 0);
  EXPECT_THAT(text_, HasSubstr("Queue Status"));
  EXPECT_EQ(Shell("cancel nothing --server " + address_()), 4);
}

TEST_F(FarmFaults, WithoutAServerClientsSayWhere) {
  EXPECT_EQ(Shell("workers --server 127.0.0.1:1"), 4);
  EXPECT_THAT(text_, HasSubstr("no server answers at 127.0.0.1:1"));
  EXPECT_EQ(Shell("serve --listen 0.0.0.0:0 --records " + records_()), 4);
  EXPECT_THAT(text_, HasSubstr("--insecure"));
}

TEST_F(FarmFaults, WrongOptionsAreUsageErrors) {
  EXPECT_EQ(Shell("tune " + model_() + " --tuner magic --records " + records_()), 2);
  EXPECT_THAT(text_, HasSubstr("unknown tuner \"magic\"; known: ga"));
  EXPECT_EQ(Shell("tune " + model_() + " --tuner-option pop=1x --records " + records_()), 3);
  EXPECT_EQ(Shell("tune " + model_() + " --records " + model_()), 3) << "no records file";
  EXPECT_EQ(Shell("tune " + model_() + " --time soon"), 2);
  EXPECT_EQ(Shell("tune " + model_() + " --tasks 99"), 2);
  EXPECT_EQ(Shell("tune " + model_() + " --server " + address_()), 2) << "needs --key";
  EXPECT_EQ(Shell("tune " + folder_->path() + "/missing.onnx"), 3);
  EXPECT_EQ(Shell("tune " + model_() + " --tasks list"), 0);
  EXPECT_THAT(text_, HasSubstr("dense"));
}

TEST_F(FarmFaults, AFarmWithCertificatesTunesAndTurnsOthersAway) {
  const std::string ca = " --ca " + folder_->path() + "/ca";
  const auto tls = [&](const std::string& name) { return folder_->path() + "/" + name; };
  ASSERT_EQ(Shell("certs init" + ca), 0) << text_;
  ASSERT_EQ(Shell("certs issue server farm --host 127.0.0.1" + ca + " -o " + tls("server")), 0);
  ASSERT_EQ(Shell("certs issue worker rack3 --key cpu" + ca + " -o " + tls("worker")), 0);
  ASSERT_EQ(Shell("certs issue client ann" + ca + " -o " + tls("ann")), 0);
  EXPECT_THAT(text_, HasSubstr("client ann, until"));
  FarmProcess server({"serve", "--embedded", "--listen", "127.0.0.1:0", "--records", records_(),
                      "--tls", tls("server")});
  const std::string address = server.ReadyLine();
  ASSERT_NE(address, "");
  EXPECT_EQ(Shell("worker --server " + address + " --key gpu --tls " + tls("worker")), 4);
  EXPECT_THAT(text_, HasSubstr("certs issue worker rack3 --key gpu"));
  FarmProcess worker({"worker", "--embedded", "--server", address, "--key", "cpu", "--tls",
                      tls("worker"), "--temp", folder_->path()});
  const std::string as_ann = " --server " + address + " --tls " + tls("ann");
  EXPECT_EQ(Shell("tune " + model_() + " --key cpu --tuner random --trials 6" + as_ann), 0)
      << text_;
  EXPECT_EQ(RecordedBy()["rack3"], 6) << "the worker bears its certificate's name";
  EXPECT_EQ(Shell("jobs --json" + as_ann), 0);
  EXPECT_THAT(text_, HasSubstr("\"ann\""));
  EXPECT_EQ(Shell("best --records farm:" + address + " --tls " + tls("ann")), 0) << text_;
  EXPECT_EQ(Shell("workers --drain rack3" + as_ann), 4);
  EXPECT_THAT(text_, HasSubstr("has the role client"));
  EXPECT_EQ(Shell("jobs --server " + address), 4);
  EXPECT_THAT(text_, HasSubstr("wants TLS"));
  EXPECT_EQ(Shell("certs revoke ann" + ca), 0);
  std::filesystem::copy_file(tls("ca/crl.pem"), tls("server/crl.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(WaitUntil([&] { return Shell("jobs" + as_ann) == 4; }));
  EXPECT_THAT(text_, HasSubstr("is revoked"));
}

TEST_F(FarmFaults, AnotherMachineIsNotDialledInPlaintextUnasked) {
  for (const char* verb : {"jobs", "workers", "cancel x", "watch x"}) {
    EXPECT_EQ(Shell(std::string(verb) + " --server 192.0.2.1:9190"), 4) << verb;
    EXPECT_THAT(text_, HasSubstr("--insecure"));
  }
  EXPECT_EQ(Shell("worker --key cpu --server 192.0.2.1:9190"), 4);
  EXPECT_EQ(Shell("best --records farm:192.0.2.1:9190"), 4);
  EXPECT_EQ(Shell("jobs --insecure --tls /x --server 127.0.0.1:1"), 2);
  EXPECT_EQ(Shell("certs issue king arthur --ca x -o y"), 2);
  EXPECT_THAT(text_, HasSubstr("server, worker, client, viewer, admin"));
}

}  // namespace
}  // namespace tilewright
