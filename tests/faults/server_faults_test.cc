// A server and its peers under what machines and networks do to them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include "base/rng.h"
#include "tests/faults/farm_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

using ServerFaults = FarmTest;

// What it cannot keep it does not acknowledge: the worker keeps its reports and sends them again.
TEST_F(ServerFaults, AFullDiskCostsNoReportAndTheJobGoesOnWhenThereIsRoom) {
  const std::string disk = folder_->path() + "/disk", full = disk + "/full";
  std::filesystem::create_directory(disk);
  const std::string farm = " --server " + address_() + " --key cpu";
  const std::string history = "$tw history --limit 1 --records farm:" + address_();
  std::ofstream(folder_->path() + "/inner")
      << "mount -t tmpfs -o size=8m tmpfs " << disk << " || exit 99\ntw=" << kTilewright
      << "\n$tw serve --listen " << address_() << " --records " << disk
      << "/records.db & server=$!\nuntil $tw jobs --server " << address_() << "; do :; done\n"
      << "$tw worker --name w --temp " << folder_->path() << farm << " & worker=$!\n"
      << "$tw tune " << model_() << farm << " --tuner random --trials 60 & tune=$!\n"
      << "until " << history << " | grep cpu; do :; done\ndd if=/dev/zero of=" << full
      << " bs=4k\nsleep 3\nrm " << full << "\nwait $tune; code=$?\n"
      << "kill $worker $server; wait $worker $server\ncp " << disk << "/records.db " << records_()
      << "\nexit $code\n";
  const std::string command = "timeout 200 unshare --user --map-root-user --mount sh " +
                              folder_->path() + "/inner >" + folder_->path() + "/log 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream in(folder_->path() + "/log");
  const std::string log(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(WEXITSTATUS(status), 0) << log;
  EXPECT_THAT(log, HasSubstr("disk is full")) << "the server says so";
  ExpectEachOnce(60, 1);
}

// What the disk may have lost is known only to a program that reads it again.
TEST_F(ServerFaults, AFailedSyncEndsTheServerAndTheNextHasAllThatWasAcknowledged) {
  const std::string library = folder_->path() + "/sync.so", fails = folder_->path() + "/fails";
  std::ofstream(folder_->path() + "/sync.c")
      << "#include <errno.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
      << "static int failed(void) { return access(\"" << fails << "\", F_OK) == 0; }\n"
      << "int fsync(int f) { return failed() ? (errno = EIO, -1) : syscall(SYS_fsync, f); }\n"
      << "int fdatasync(int f) { return failed() ? (errno = EIO, -1) : syscall(SYS_fdatasync, f); "
         "}\n";
  ASSERT_EQ(std::system(
                ("cc -w -shared -fPIC -o " + library + " " + folder_->path() + "/sync.c").c_str()),
            0);
  setenv("LD_PRELOAD", library.c_str(), 1);
  FarmProcess server(Serve());
  unsetenv("LD_PRELOAD");
  ASSERT_NE(server.ReadyLine(), "");
  FarmProcess worker(Worker("w")), tune(Tune(address_(), 60));
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 5; }));
  std::ofstream(fails) << "x";
  EXPECT_EQ(server.Wait(), 4) << "it ends, so that it is started again";
  FarmProcess next(Serve());
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(60, 1);
}

// It was away for longer than its lease: what it had is another's by then, and it goes on.
TEST_F(ServerFaults, AWorkerThatStoodStillGoesOnAndNoTrialCountsTwice) {
  FarmProcess server(Serve("2"));
  ASSERT_NE(server.ReadyLine(), "");
  FarmProcess sleeper(Worker("sleeper"));
  FarmProcess tune(Tune(address_(), 60));
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 3; }));
  sleeper.Signal(SIGSTOP);
  FarmProcess other(Worker("other"));
  ASSERT_TRUE(WaitUntil([&] { return RecordedBy()["other"] >= 5; }));
  sleeper.Signal(SIGCONT);
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(60, 1);
}

// By the wall clock that the file names: "+3600" is an hour ahead.
class JumpingClock {
 public:
  explicit JumpingClock(const std::string& file) : file_(file) {
    JumpBy(0);
    setenv("LD_PRELOAD", kLibrary, 1);
    setenv("FAKETIME_TIMESTAMP_FILE", file.c_str(), 1);
    setenv("FAKETIME_NO_CACHE", "1", 1);
    setenv("DONT_FAKE_MONOTONIC", "1", 1);
  }
  // Processes started from here on keep the machine's clock.
  static void Leave() { unsetenv("LD_PRELOAD"); }
  void JumpBy(int seconds) const {
    std::ofstream(file_ + ".new") << (seconds < 0 ? "" : "+") << seconds << "\n";
    std::filesystem::rename(file_ + ".new", file_);
  }
  static constexpr char kLibrary[] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

 private:
  const std::string file_;
};

// Leases and budgets go by the clock that never jumps.
TEST_F(ServerFaults, AClockThatJumpsByHoursCostsNoLease) {
  ASSERT_TRUE(std::filesystem::exists(JumpingClock::kLibrary)) << "install faketime";
  const JumpingClock clock(folder_->path() + "/clock");
  FarmProcess server(Serve());
  JumpingClock::Leave();
  ASSERT_NE(server.ReadyLine(), "");
  FarmProcess worker(Worker("worker"));
  FarmProcess tune(Tune(address_(), 60));
  int reached = 5;
  for (const int jump : {3600, -3600, 86400, 0}) {
    ASSERT_TRUE(WaitUntil([&] { return Recorded() >= reached; }));
    clock.JumpBy(jump);
    reached += 12;
  }
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(60, 4);
  double earliest = 1e18, latest = 0;
  const auto see = [&](const Record& record) {
    earliest = std::min(earliest, record.unix_time);
    latest = std::max(latest, record.unix_time);
    return true;
  };
  ASSERT_TRUE(OpenSqliteStore(records_(), /*read_only=*/true).value()->ForEach({}, see).ok());
  EXPECT_GT(latest - earliest, 80'000) << "the server's clock did jump";
}

TEST_F(ServerFaults, ASecondServerOnTheSameRecordsEndsWithTheReason) {
  FarmProcess server(Serve());
  ASSERT_NE(server.ReadyLine(), "");
  const std::string other = " --listen unix:" + folder_->path() + "/other";
  EXPECT_EQ(Shell("serve --records " + records_() + other), 4);
  EXPECT_THAT(text_, HasSubstr("another process is writing to these records"));
}

// Connections that say nothing, nonsense, or the beginning of HTTP/2 and then nonsense.
class Strangers {
 public:
  Strangers(int port, int count, uint64_t seed) : rng_(seed) {
    for (int i = 0; i < count; ++i) sockets_.push_back(Connect(port));
  }
  ~Strangers() {
    for (const int socket : sockets_) close(socket);
  }
  void Talk() {
    for (size_t i = 0; i < sockets_.size(); ++i) {
      const std::string text = Opening(i % 5) + Noise(rng_.Below(1 << 14));
      send(sockets_[i], text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }

 private:
  static int Connect(int port) {
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }
  std::string Noise(uint64_t bytes) {
    std::string noise(bytes, 0);
    for (char& c : noise) c = static_cast<char>(rng_.Next());
    return noise;
  }
  static std::string Opening(size_t kind) {
    const std::string http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    switch (kind) {
      case 0: return "";
      case 1: return "GET / HTTP/1.1\r\nHost: farm\r\nX: " + std::string(1 << 20, 'x');
      case 2: return http2;
      case 3: return http2 + std::string("\0\0\0\4\0\0\0\0\0", 9);  // settings, then noise
      default: return std::string("\x16\x03\x01\x02", 4);           // TLS, unasked
    }
  }

  Rng rng_;
  std::vector<int> sockets_;
};

TEST_F(ServerFaults, NonsenseOnThePortStopsNoJob) {
  FarmProcess server({"serve", "--embedded", "--listen", "127.0.0.1:0", "--records", records_()});
  const std::string address = server.ReadyLine();
  ASSERT_NE(address, "");
  const uint64_t seed = static_cast<uint64_t>(getpid());
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int kStrangers = 200;
  Strangers strangers(std::stoi(address.substr(address.rfind(':') + 1)), kStrangers, seed);
  strangers.Talk();
  FarmProcess worker({"worker", "--embedded", "--server", address, "--key", "cpu", "--name", "w",
                      "--temp", folder_->path()});
  FarmProcess tune(Tune(address, 20));
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 3; }));
  strangers.Talk();
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(20, kStrangers);
}

}  // namespace
}  // namespace tilewright
