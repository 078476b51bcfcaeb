// A farm's server, workers and commands around one records file, for tests with real processes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "records/store/open_store.h"
#include "tests/faults/farm_process.h"
#include "tests/faults/fault_counts.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {

class FarmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = PrivateFolder::Make(::testing::TempDir()).value();
    ASSERT_EQ(Shell("zoo mlp -o " + model_()), 0);
  }

  std::string model_() const { return folder_->path() + "/mlp.onnx"; }
  virtual std::string records_() const { return folder_->path() + "/records.db"; }
  std::string address_() const { return "unix:" + folder_->path() + "/farm"; }

  // Runs the command to its end; its output is in text_.
  int Shell(const std::string& arguments) {
    const std::string out = folder_->path() + "/out";
    // Away from the user's own records and certificates.
    const std::string home =
        "env -u TILEWRIGHT_RECORDS -u TILEWRIGHT_TLS -u TILEWRIGHT_SERVER HOME=" + folder_->path() +
        " XDG_DATA_HOME= XDG_CONFIG_HOME= ";
    const int status = std::system(
        (home + kTilewright + " " + arguments + " >" + out + " 2>&1 </dev/null").c_str());
    std::ifstream in(out);
    text_.assign(std::istreambuf_iterator<char>(in), {});
    return WEXITSTATUS(status);
  }

  std::vector<std::string> Serve(const std::string& lease = "30") const {
    return {"serve",     "--embedded", "--listen", address_(),
            "--records", records_(),   "--lease",  lease};
  }
  std::vector<std::string> Worker(const std::string& name, const std::string& key = "cpu") const {
    return {"worker", "--embedded", "--server", address_(), "--key",
            key,      "--name",     name,       "--temp",   folder_->path()};
  }
  std::vector<std::string> Tune(const std::string& address, int trials) const {
    return {"tune", model_(),  "--server", address,    "--key",
            "cpu",  "--tuner", "random",   "--trials", std::to_string(trials)};
  }
  // Trials with a result, by the worker that gave it. A late result may be the trial's, or one more
  // of a trial that another worker has ended; two in time would count twice.
  std::map<std::string, int> RecordedBy(int* twice = nullptr) const {
    std::map<std::string, int> counts;
    std::set<std::pair<std::string, uint64_t>> trials, in_time;
    const auto store = OpenStore(records_(), /*read_only=*/true);
    if (!store.ok()) return counts;
    const auto count = [&](const Record& record) {
      if (record.trial == 0) return true;
      const std::pair<std::string, uint64_t> trial(record.job, record.trial);
      if (record.record_class == "ok") {
        const bool once = in_time.insert(trial).second;
        EXPECT_TRUE(once) << record.job << " trial " << record.trial;
        if (twice != nullptr && !once) ++*twice;
      }
      if (trials.insert(trial).second) ++counts[record.worker];
      return true;
    };
    (*store)->ForEach({}, count).IgnoreError();
    return counts;
  }
  int Recorded(int* twice = nullptr) const {
    int sum = 0;
    for (const auto& [worker, count] : RecordedBy(twice)) sum += count;
    return sum;
  }
  // Every trial of the jobs has its one result, after so many faults.
  void ExpectEachOnce(int trials, int injected) const {
    int twice = 0;
    const int recorded = Recorded(&twice);
    EXPECT_EQ(recorded, trials) << "each trial once";
    Print({.injected = injected,
           .acknowledged = trials,
           .lost = std::max(0, trials - recorded),
           .twice = twice + std::max(0, recorded - trials)});
  }
  std::string Farm(const std::string& key = "cpu") const {
    return " --server " + address_() + " --key " + key;
  }

  std::unique_ptr<PrivateFolder> folder_;
  std::string text_;
};

}  // namespace tilewright
