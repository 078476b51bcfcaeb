// Pruned records give the same look-ups.
#include "records/lookup/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "compiler/templates/template.h"
#include "records/lookup/model_lookup.h"
#include "records/store/maintenance.h"
#include "records/store/open_store.h"
#include "tests/records/postgres_server.h"
#include "tests/records/sample_records.h"
#include "tests/records/sample_store.h"

namespace tilewright {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSubsetOf;
using testing::Not;

constexpr const char* kLayers[] = {"dense(float32[16,256],float32[512,256];,NK16n,)",
                                   "dense(float32[16,256],float32[512,256];,NK16n,)+relu",
                                   "dense(float32[16,64],float32[512,64];,NK16n,)+relu"};
constexpr const char* kKeys[] = {"xeon", "epyc"};

constexpr uint64_t kDefault = ~uint64_t{0};

// The layer's default or the config with this number after it in its space, timed at `unix_time`.
struct Taken {
  double seconds, unix_time;
};
Record Timed(const std::string& run_id, const char* layer, uint64_t index, const Taken& taken) {
  const auto [seconds, unix_time] = taken;
  Record record = SampleRecord(run_id);
  const Workload workload = ParseWorkload(layer).value();
  const TemplateEntry entry = *UntunedTemplate(workload, kTarget, /*exact=*/false);
  const ConfigSpace space = entry.impl->Space(workload, kTarget);
  record.task = {workload, entry.name, kTarget};
  EXPECT_GT(space.size(), 60u);
  const uint64_t at = space.IndexOf(entry.impl->Default(workload, kTarget)).value();
  record.index = index == kDefault ? at : (at + 1 + index) % space.size();
  record.config = space.At(record.index);
  record.outcome = Timing{{seconds, seconds, seconds}};
  record.unix_time = unix_time;
  return record;
}

class PruneTest : public testing::TestWithParam<bool> {
 protected:
  bool in_postgres() const { return GetParam(); }
  std::string path() const { return in_postgres() ? database_ : folder_ / "records.db"; }
  void Write(const std::vector<Record>& records, const StoreBatch& more = {}) {
    const auto store = OpenStore(path()).value();
    ASSERT_TRUE(store->Append(records).ok());
    ASSERT_TRUE(store->Commit(more).ok());
  }
  std::set<std::string> RunIds() const {
    std::set<std::string> ids;
    const auto store = OpenStore(path(), /*read_only=*/true).value();
    const auto add = [&](const Record& record) { return ids.insert(record.run_id), true; };
    EXPECT_TRUE(store->ForEach({}, add).ok());
    return ids;
  }
  // What every look-up of the layers answers, on each key and on all, with either number of
  // threads.
  std::vector<std::string> LookUps() const {
    const auto store = OpenStore(path(), /*read_only=*/true).value();
    ModelLookup wanted{.target = kTarget};
    for (const char* layer : kLayers) wanted.workloads.push_back(ParseWorkload(layer).value());
    std::vector<std::string> answers;
    for (const char* key : {"", kKeys[0], kKeys[1]}) {
      for (const int threads : {1, 2}) {
        wanted.device_key = key;
        wanted.threads = threads;
        const auto all = LookUpModel(*store, wanted).value();
        for (const FoundConfig& found : all) {
          answers.push_back(absl::StrCat(
              found.found.how, " ", found.found.record ? found.found.record->run_id : "-", " ",
              found.keeps_default, " ", found.default_seconds, " ", found.alone_seconds));
        }
      }
    }
    return answers;
  }

  const TempFolder folder_;
  const std::string database_ = in_postgres() ? PostgresServer::Shared().NewDatabase() : "";
};

// Configs that were measured once or more, on two devices with two numbers of threads, some decided
// by networks.
std::vector<Record> RandomRecords(Rng& rng) {
  std::vector<Record> records;
  for (int i = 0; i < 1200; ++i) {
    Record record = Timed(absl::StrCat("run-", i), kLayers[rng.Below(3)],
                          rng.Below(20) == 0 ? kDefault : rng.Below(200),
                          {1e-3 * (1 + 1e-3 * static_cast<double>(rng.Below(1000))), 1000.0 + i});
    record.device_key = kKeys[rng.Below(2)];
    record.threads = 1 + static_cast<int>(rng.Below(2));
    if (rng.Below(100) == 0) record.record_class = kInNetworkClass;
    if (rng.Below(10) == 0) record.outcome = Failure{FailureKind::kCrash, "signal 11"};
    records.push_back(std::move(record));
  }
  return records;
}

TEST_P(PruneTest, NoLookUpChanges) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Rng rng(seed);
  Write(RandomRecords(rng));
  const std::vector<std::string> before = LookUps();
  const std::set<std::string> all = RunIds();
  const PruneReport report = PruneRecords(path(), {.before = 1800, .newest = 20}, false).value();
  EXPECT_GT(report.removed, 100);
  EXPECT_EQ(report.left + report.removed, 1200);
  EXPECT_EQ(LookUps(), before);
  EXPECT_THAT(RunIds(), IsSubsetOf(all));
  EXPECT_EQ(RunIds().size(), static_cast<size_t>(report.left));
  EXPECT_EQ(CheckStore(*OpenStore(path(), /*read_only=*/true).value()).value(), report.left);
}

TEST_P(PruneTest, OldRecordsBeyondTheNewestGoAndOthersStay) {
  std::vector<Record> records;
  for (int i = 0; i < 60; ++i) {  // the newest are the slowest
    records.push_back(Timed(absl::StrCat("run-", i), kLayers[0], i, {1e-3 * (1 + i), 1000.0 + i}));
  }
  Write(records);
  const auto size = in_postgres() ? 0 : std::filesystem::file_size(path());
  EXPECT_EQ(PruneRecords(path(), {.before = 1040}, true)->removed, 24) << "of 16 to 39";
  EXPECT_EQ(RunIds().size(), 60u) << "a dry run removes nothing";
  const PruneReport report = PruneRecords(path(), {.before = 1050, .newest = 30}, false).value();
  EXPECT_EQ(report.removed, 14) << "of 16 to 29: the others are among the fastest or the newest";
  EXPECT_THAT(RunIds(), Contains("run-15"));
  EXPECT_THAT(RunIds(), Not(Contains("run-16")));
  EXPECT_THAT(RunIds(), Not(Contains("run-29")));
  EXPECT_THAT(RunIds(), Contains("run-30"));
  EXPECT_EQ(PruneRecords(path(), {.before = 1050, .newest = 30}, false)->removed, 0);
  if (!in_postgres()) {
    EXPECT_LE(std::filesystem::file_size(path()), size);
  }
}

TEST_P(PruneTest, WhatPackagesUsedRevokedAndForeignRecordsStay) {
  std::vector<Record> records;
  for (int i = 0; i < 40; ++i) {
    records.push_back(Timed(absl::StrCat("run-", i), kLayers[0], i, {1e-3 * (1 + i), 1000.0 + i}));
  }
  Record foreign = SampleRecord("foreign");
  foreign.foreign_args = R"([["TENSOR",[1,3],"float32"]])";
  foreign.unix_time = 1;
  records.insert(records.begin(), foreign);
  const Revocation wrong{"run-31", "drifted", 5, "ann"};
  Write(records, {.revocations = {&wrong, 1}});
  ASSERT_TRUE(PruneRecords(path(), {.run_ids = {"run-30", "unknown"}}, false).ok());
  const std::set<std::string> left = RunIds();
  EXPECT_THAT(left, Contains("foreign"));
  EXPECT_THAT(left, Contains("run-30"));
  EXPECT_THAT(left, Contains("run-39")) << "the newest, whose id no other record may get";
  EXPECT_THAT(left, Not(Contains("run-32")));
  const auto store = OpenStore(path()).value();
  EXPECT_EQ(store->Revocations()->size(), 1u);
  EXPECT_EQ(*store->Count({.revoked = true}), 1);
}

TEST_P(PruneTest, AConfigStaysWithAllItsMeasurementsOrGoes) {
  std::vector<Record> records;
  for (int i = 0; i < 40; ++i) {
    records.push_back(Timed(absl::StrCat("old-", i), kLayers[0], i, {1e-3 * (1 + i), 1000.0 + i}));
  }
  records.push_back(Timed("new-30", kLayers[0], 30, {31e-3, 5000}));
  records.push_back(Timed("last", kLayers[1], 0, {1e-3, 5000}));
  Write(records);
  ASSERT_TRUE(PruneRecords(path(), {.before = 2000}, false).ok());
  EXPECT_THAT(RunIds(), Contains("old-30"));
  EXPECT_THAT(RunIds(), Not(Contains("old-29")));
}

TEST_P(PruneTest, UnfinishedJobsWritersAndMissingFilesAreRefused) {
  EXPECT_EQ(PruneRecords(path(), {}, false).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenStore(path(), /*read_only=*/true).status().code(), absl::StatusCode::kNotFound);
  const JobRow job{.id = "job-1", .owner = "ann", .state = "paused"};
  Write({SampleRecord("a")}, {.jobs = {&job, 1}});
  const absl::Status unfinished = PruneRecords(path(), {}, false).status();
  EXPECT_EQ(unfinished.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(unfinished.message()), HasSubstr("the first is job-1"));
  const auto writer = OpenStore(path()).value();
  EXPECT_EQ(PruneRecords(path(), {}, false).status().code(), absl::StatusCode::kUnavailable);
}

INSTANTIATE_TEST_SUITE_P(Stores, PruneTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Postgres" : "Sqlite"; });

}  // namespace
}  // namespace tilewright
