// Workers whose machine fails them: what happens is said, and nothing of it becomes a record.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "records/store/record_store.h"
#include "tests/faults/farm_process.h"
#include "tests/faults/fault_counts.h"
#include "tests/paths.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WorkerFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = PrivateFolder::Make(::testing::TempDir()).value();
    std::filesystem::create_directory(path("tmp"));
    ASSERT_EQ(Shell(std::string(kTilewright) + " zoo mlp -o " + path("mlp.onnx")), 0);
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }

  // Runs it to its end; its output is in text_.
  int Shell(const std::string& script) {
    std::ofstream(path("script")) << script;
    const int status =
        std::system(("sh " + path("script") + " >" + path("out") + " 2>&1 </dev/null").c_str());
    std::ifstream in(path("out"));
    text_.assign(std::istreambuf_iterator<char>(in), {});
    return WEXITSTATUS(status);
  }
  // With a disk of `size` of its own at path("tmp").
  int ShellOnSmallDisk(const std::string& size, const std::string& script) {
    std::ofstream(path("inner")) << "mount -t tmpfs -o size=" << size << " tmpfs " << path("tmp")
                                 << " || exit 99\n"
                                 << script;
    return Shell("exec unshare --user --map-root-user --mount sh " + path("inner"));
  }
  std::string Worker() const {
    return std::string(kTilewright) + " worker --server unix:" + path("none") +
           " --key cpu --temp " + path("tmp");
  }

  std::unique_ptr<PrivateFolder> folder_;
  std::string text_;
};

TEST_F(WorkerFaults, AFullDiskIsSaidAtTheStartAndTheWorkerDoesNotServe) {
  EXPECT_EQ(ShellOnSmallDisk("4k", "exec " + Worker()), 4) << text_;
  EXPECT_THAT(text_, HasSubstr("the self test fails"));
  EXPECT_THAT(text_, HasSubstr("No space left"));
  EXPECT_THAT(text_, Not(HasSubstr("serving")));
}

TEST_F(WorkerFaults, AMissingRunnerIsSaidAtTheStartAndTheWorkerDoesNotServe) {
  std::filesystem::create_directory(path("bin"));
  for (const char* name : {"tilewright", "tilewright-builder"}) {
    std::filesystem::copy_file(std::string(TILEWRIGHT_BIN_DIR "/") + name, path("bin/") + name);
  }
  EXPECT_EQ(Shell("exec " + path("bin/tilewright") + Worker().substr(sizeof(kTilewright) - 1)), 4);
  EXPECT_THAT(text_, HasSubstr("tilewright-runner: No such file"));
}

// A user namespace in which no further ones may be made, as hardened machines have it.
TEST_F(WorkerFaults, WhatTheSandboxLacksIsSaidAndRefusedIfAsked) {
  const auto start = [this](const std::string& option) {
    std::ofstream(path("inner")) << "echo 0 >/proc/sys/user/max_user_namespaces || exit 99\nexec "
                                 << "timeout --preserve-status 3 " << Worker() << option << "\n";
    return Shell("exec unshare --user --map-root-user sh " + path("inner"));
  };
  EXPECT_EQ(start(" --require-sandbox"), 4) << text_;
  EXPECT_THAT(text_, HasSubstr("lacks namespaces"));
  EXPECT_EQ(start(""), 0) << text_;
  EXPECT_THAT(text_, HasSubstr("less confined than they could be: this machine lacks namespaces"));
}

TEST_F(WorkerFaults, ADiskThatIsFullForAWhileCostsNoTrial) {
  ASSERT_EQ(ShellOnSmallDisk("4m", "export TMPDIR=" + path("tmp") + "\n" + kTilewright + " tune " +
                                       path("mlp.onnx") + " --records " + path("records.db") +
                                       " --tuner random --trials 40 &\n"
                                       "until ls " +
                                       path("tmp") +
                                       "/*/*/kernel-* ; do :; done\n"
                                       // Again and again: what a kernel leaves must not hold the
                                       // next one.
                                       "for i in $(seq 60); do dd if=/dev/zero of=" +
                                       path("tmp/full") +
                                       " bs=4k oflag=append conv=notrunc; sleep 0.05; done\n"
                                       "rm " +
                                       path("tmp/full") + "\nwait $!\n"),
            0)
      << text_;
  EXPECT_THAT(text_, HasSubstr("takes no more work"));
  const auto store = OpenSqliteStore(path("records.db"), /*read_only=*/true).value();
  constexpr int kTrials = 40;
  int trials = 0;
  ASSERT_TRUE(store
                  ->ForEach({},
                            [&](const Record& record) {
                              const auto* failure = std::get_if<Failure>(&record.outcome);
                              EXPECT_TRUE(!failure || failure->kind != FailureKind::kUnknown);
                              EXPECT_TRUE(!failure || failure->kind != FailureKind::kBuild)
                                  << failure->message;
                              trials += record.record_class != kInNetworkClass ? 1 : 0;
                              return true;
                            })
                  .ok());
  EXPECT_EQ(trials, kTrials);
  Print({.acknowledged = kTrials,
         .lost = std::max(0, kTrials - trials),
         .twice = std::max(0, trials - kTrials)});
}

TEST_F(WorkerFaults, ADiskThatStaysFullEndsAnEmbeddedTuneWithTheReason) {
  EXPECT_EQ(ShellOnSmallDisk("4k", "TMPDIR=" + path("tmp") + " exec " + kTilewright + " tune " +
                                       path("mlp.onnx") + " --records " + path("records.db") +
                                       " --tuner random --trials 4\n"),
            4)
      << text_;
  EXPECT_THAT(text_, HasSubstr("No space left"));
}

TEST_F(WorkerFaults, AKilledWorkersFolderIsRemovedByTheNext) {
  const auto start = [&] {
    return FarmProcess(
        {"worker", "--server", "unix:" + path("none"), "--key", "cpu", "--temp", path("tmp")});
  };
  const auto folders = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path("tmp"))) {
      names.push_back(entry.path());
    }
    return names;
  };
  std::vector<std::string> killed;
  {
    FarmProcess worker = start();
    // Before it has its lock, a folder is nobody's to remove.
    ASSERT_TRUE(WaitUntil([&] {
      killed = folders();
      return !killed.empty() && std::filesystem::exists(killed[0] + "/lock");
    }));
    worker.Signal(SIGKILL);
    worker.Wait();
  }
  FarmProcess worker = start();
  EXPECT_TRUE(WaitUntil([&] { return folders().size() == 1 && folders() != killed; }));
  worker.Signal(SIGTERM);
  EXPECT_EQ(worker.Wait(), 0);
  EXPECT_TRUE(folders().empty());
}

// The server's first life ends while trials run, so that their reports cannot be sent; the worker
// is killed; another one on the same spool hands them to the server's next life or learns that it
// does not want them: in no case do they stay.
TEST_F(WorkerFaults, ReportsOfAKilledWorkerAreSentByTheNext) {
  const std::string address = "unix:" + path("farm");
  const auto serve = [&] {
    return FarmProcess({"serve", "--embedded", "--listen", address, "--records", path("records.db"),
                        "--lease", "5"});
  };
  const auto work = [&] {
    return FarmProcess({"worker", "--server", address, "--key", "cpu", "--temp", path("tmp"),
                        "--spool", path("spool")});
  };
  const auto reports = [&] {
    int count = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(path("spool"), none)) {
      count += entry.path().extension() == ".report";
    }
    return count;
  };
  {
    FarmProcess server = serve();
    ASSERT_NE(server.ReadyLine(), "");
    FarmProcess worker = work();
    FarmProcess tune({"tune", path("mlp.onnx"), "--server", address, "--key", "cpu", "--tuner",
                      "random", "--trials", "4000"});
    ASSERT_TRUE(WaitUntil([&] { return reports() > 0; }));
    server.Signal(SIGKILL);
    server.Wait();
    ASSERT_TRUE(WaitUntil([&] { return reports() > 2; })) << "what ran is kept";
    worker.Signal(SIGKILL);
    worker.Wait();
  }
  const int kept = reports();
  EXPECT_GT(kept, 2);
  FarmProcess server = serve();
  ASSERT_NE(server.ReadyLine(), "");
  FarmProcess worker = work();
  EXPECT_TRUE(WaitUntil([&] { return reports() == 0; }));
  Print({.injected = 2, .acknowledged = kept, .lost = reports()});
}

}  // namespace
}  // namespace tilewright
