// What the store acknowledged survives whatever the disk does, and a batch is whole or not there:
// every operation of the disk fails, once or from then on, and power is lost before every one that
// changes it.
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <set>
#include <vector>

#include "records/store/maintenance.h"
#include "records/store/record_store.h"
#include "tests/faults/fault_counts.h"
#include "tests/records/fault_disk.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

constexpr int kBatches = 4;

std::string RunId(int batch, int record) {
  return std::to_string(batch) + "." + std::to_string(record);
}

// Two records, a step and its job.
absl::Status CommitBatch(RecordStore& store, int batch) {
  const std::vector<Record> records = {SampleRecord(RunId(batch, 0)),
                                       SampleFailure(RunId(batch, 1))};
  const JobStepRow step{.job = "job", .step = static_cast<uint64_t>(batch) + 1, .text = "trial"};
  const JobRow job{.id = "job", .owner = "me", .state = "running", .trials = step.step};
  return store.Commit({.records = records, .steps = {&step, 1}, .jobs = {&job, 1}});
}

// What it says is there has been stored.
void ExpectAnswer(const RecordStore& store, const std::set<int>& acknowledged) {
  const absl::StatusOr<int64_t> count = store.Count({});
  if (!count.ok()) return;
  EXPECT_GE(*count, 2 * static_cast<int64_t>(acknowledged.size())) << "a failed look is no answer";
  EXPECT_EQ(*count % 2, 0) << "half of a batch";
}

// Opens a store and commits all batches; the numbers of those acknowledged, while power was there.
std::set<int> Work(const std::string& path, const FaultDisk& disk, bool loses_power) {
  std::set<int> acknowledged;
  const auto store = OpenSqliteStore(path);
  if (!store.ok()) return acknowledged;
  bool broken = false;
  for (int batch = 0; batch < kBatches; ++batch) {
    const absl::Status status = CommitBatch(**store, batch);
    if (loses_power && disk.failed()) break;
    EXPECT_FALSE(broken && status.ok()) << "acknowledged after a sync had failed";
    broken |= absl::IsAborted(status);
    if (status.ok()) acknowledged.insert(batch);
    ExpectAnswer(**store, acknowledged);
  }
  return acknowledged;
}

void ExpectWhole(const std::string& path, const std::set<int>& acknowledged, FaultCounts* counts) {
  const auto store = OpenSqliteStore(path);
  ASSERT_TRUE(store.ok()) << store.status();
  std::set<std::string> records;
  std::set<uint64_t> steps;
  const auto add = [&](const Record& r) { return records.insert(r.run_id), true; };
  ASSERT_TRUE((*store)->ForEach({}, add).ok());
  const auto add_step = [&](const JobStepRow& s) { return steps.insert(s.step), true; };
  ASSERT_TRUE((*store)->ForEachStep("job", 1, add_step).ok());
  for (int batch = 0; batch < kBatches; ++batch) {
    const bool there = records.contains(RunId(batch, 0));
    const bool lost = acknowledged.contains(batch) && !there;
    EXPECT_FALSE(lost) << "batch " << batch << " is lost";
    counts->lost += lost;
    EXPECT_EQ(records.contains(RunId(batch, 1)), there) << "half of batch " << batch;
    EXPECT_EQ(steps.contains(batch + 1), there) << "half of batch " << batch;
  }
  EXPECT_TRUE(CommitBatch(**store, kBatches).ok()) << "a sound file is written to";
  EXPECT_TRUE(CheckRecordsFile(path).ok());
}

struct DiskFaultCase {
  FaultDisk::Fault fault;
  bool lasts;  // until the store is opened again
};

class DiskFault : public testing::TestWithParam<DiskFaultCase> {};

TEST_P(DiskFault, LosesNothingAcknowledgedWhicheverOperationItMeets) {
  int n = 1;
  FaultCounts counts{.injected = 0};
  for (bool met = true; met; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n) + ", which is also the seed");
    const TempFolder folder, after;
    FaultDisk disk;
    const auto [fault, lasts] = GetParam();
    disk.FailAt(fault, n, lasts ? std::numeric_limits<int>::max() : 1);
    const bool loses_power = fault == FaultDisk::Fault::kPowerLoss;
    const std::set<int> acknowledged = Work(folder / "records.db", disk, loses_power);
    met = disk.failed();
    if (!met) {
      EXPECT_EQ(acknowledged.size(), kBatches);
    }
    Rng rng(n);
    disk.LosePower(after / "", rng);
    disk.FailAt(fault, 0);
    ExpectWhole(after / "records.db", acknowledged, &counts);
    if (HasFatalFailure()) return;
    counts.injected += met;
    counts.acknowledged += static_cast<int64_t>(acknowledged.size());
  }
  EXPECT_GT(counts.injected, 0) << "the workload does nothing that can fail so";
  Print(counts);
}

std::vector<DiskFaultCase> EveryFault() {
  std::vector<DiskFaultCase> cases;
  for (int fault = 0; fault <= static_cast<int>(FaultDisk::Fault::kPowerLoss); ++fault) {
    cases.push_back({static_cast<FaultDisk::Fault>(fault), /*lasts=*/false});
    if (cases.back().fault == FaultDisk::Fault::kPowerLoss) break;
    cases.push_back({cases.back().fault, /*lasts=*/true});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Every, DiskFault, testing::ValuesIn(EveryFault()), [](const auto& info) {
  return std::string(FaultDisk::NameOf(info.param.fault)) + (info.param.lasts ? "Lasting" : "");
});

}  // namespace
}  // namespace tilewright
