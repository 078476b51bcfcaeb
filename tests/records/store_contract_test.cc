// What every record store promises, asked of each.
#include "tests/records/store_contract.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <thread>

#include "base/rng.h"

namespace tilewright {
namespace {

using Ids = std::vector<std::string>;

TEST_P(StoreContract, GivesBackExactlyWhatWasAppended) {
  std::vector<Record> records = {SampleRecord("a"), SampleFailure("b"), SampleRecord("apart")};
  records[2].builder = "big";
  records[2].trial = 3;
  ASSERT_TRUE(store_->Append(records).ok());
  std::string builder;
  const auto visit = [&](const JobResult& result) { return builder = result.builder, true; };
  ASSERT_TRUE(store_->ForEachResult("job-7", 0, visit).ok());
  EXPECT_EQ(builder, "big");
  std::vector<Record> found;
  ASSERT_TRUE(store_->ForEach({}, [&](const Record& r) { return found.push_back(r), true; }).ok());
  EXPECT_EQ(found, records);
}

TEST_P(StoreContract, ThreadsAndClassAreKeptAndSelect) {
  Record two = SampleRecord("two"), decided = SampleRecord("decided");
  two.threads = 2;
  decided.record_class = kInNetworkClass;
  ASSERT_TRUE(store_->Append(std::vector<Record>{SampleRecord("one"), two, decided}).ok());
  EXPECT_EQ(RunIds({.threads = 2}), Ids{"two"});
  EXPECT_EQ(RunIds({.threads = 1}), (Ids{"one", "decided"}));
  EXPECT_EQ(RunIds({.record_class = kInNetworkClass}), Ids{"decided"});
  EXPECT_EQ(store_->Best({.threads = 2})->value(), two);
}

TEST_P(StoreContract, KeepsAForeignRecord) {
  Record record = SampleRecord("a");
  record.task.template_name = "conv2d_nchw.cuda";
  record.task.workload = Workload{.op = "conv2d_nchw.cuda"};
  record.task.target = Target{.kind = "rocm", .model = "gfx900"};
  record.foreign_args = "[[\"TENSOR\", [1, 2], \"float16\"]]";
  record.foreign_line = "{}";
  ASSERT_TRUE(Add(record).ok());
  const RecordFilter filter{.workload_key = "conv2d_nchw.cuda[[\"TENSOR\", [1, 2], \"float16\"]]"};
  const auto best = store_->Best(filter);
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(*best, record);
}

// A few workloads and configs, measured several times each; some unusable.
std::vector<Record> RandomRecords(uint64_t seed, int count) {
  Rng rng(seed);
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    Record record = SampleRecord("r" + std::to_string(i), rng.Uniform(1e-3, 2e-3));
    record.task.workload = SampleWorkload(16 << rng.Below(3));
    record.task.target.mcpu = rng.Below(2) == 0 ? "haswell" : "znver4";
    record.config.entities[0].second = SplitEntity{{-1, static_cast<int64_t>(1 + rng.Below(4))}};
    record.device_key = rng.Below(2) == 0 ? "one" : "two";
    if (rng.Below(8) == 0) record.record_class = "suspect";
    if (rng.Below(8) == 0) record.outcome = Failure{FailureKind::kRunTimeout, "slow"};
    records.push_back(std::move(record));
  }
  return records;
}

TEST_P(StoreContract, TheBestOfEachWorkloadIsTheBestOfItsFilter) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  const std::vector<Record> records = RandomRecords(seed, 300);
  ASSERT_TRUE(store_->Append(records).ok());
  const auto memory = MakeMemoryStore();
  ASSERT_TRUE(memory->Append(records).ok());
  for (const char* key : {"", "one"}) {
    const RecordFilter filter{.device_key = key};
    const std::vector<Record> best = store_->BestPerWorkload(filter).value();
    EXPECT_EQ(best, memory->BestPerWorkload(filter).value());
    EXPECT_EQ(best.size(), 6u);
    for (const Record& record : best) {
      RecordFilter one = filter;
      one.target = ToString(record.task.target);
      one.workload_key = WorkloadKey(record);
      EXPECT_EQ(store_->Best(one).value(), record) << "by its workload";
      one.workload_key.clear();
      one.anchor_key = AnchorKey(record);
      EXPECT_EQ(store_->Best(one).value(), record) << "by its anchor";
    }
  }
  EXPECT_EQ(store_->BestPerWorkload({.workload_key = WorkloadKey(records[0])})->size(), 2u);
  EXPECT_EQ(store_->BestPerWorkload({.workload_substring = "nothing of the kind"})->size(), 0u);
}

TEST_P(StoreContract, TheBestOfAWorkloadForAnyTargetIsThatOfTheFastest) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  const std::vector<Record> records = RandomRecords(seed, 300);
  ASSERT_TRUE(store_->Append(records).ok());
  std::vector<RecordFilter> filters;
  std::vector<std::optional<Record>> expected;
  for (const int64_t channels : {16, 32, 64, 128}) {
    RecordFilter filter{.workload_key = SampleWorkload(channels).Key(), .device_key = "one"};
    filters.push_back(filter);
    std::optional<Record>& fastest = expected.emplace_back();
    for (const char* target : {"cpu -mcpu=haswell", "cpu -mcpu=znver4"}) {
      filter.target = target;
      const std::optional<Record> best = store_->Best(filter).value();
      const bool faster =
          best && (!fastest || *MedianSeconds(best->outcome) < *MedianSeconds(fastest->outcome));
      if (faster) fastest = best;
    }
  }
  EXPECT_EQ(*store_->Bests(filters), expected);
  EXPECT_EQ(expected.back(), std::nullopt) << "no such workload";
}

// More of them than are under way at once, of one kind and of several in turn.
TEST_P(StoreContract, ManyQuestionsTogetherAreAnsweredAsEachByItself) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  ASSERT_TRUE(store_->Append(RandomRecords(seed, 300)).ok());
  std::vector<RecordFilter> filters;
  for (int i = 0; i < 700; ++i) {
    RecordFilter& filter = filters.emplace_back();
    filter.workload_key = SampleWorkload(16 << (i % 4)).Key();  // of the fourth there is nothing
    if (i % 3 > 0) filter.target = i % 2 == 0 ? "cpu -mcpu=haswell" : "cpu -mcpu=znver4";
    if (i >= 600) filter.device_key = i % 2 == 0 ? "one" : "two";
  }
  const auto bests = store_->Bests(filters);
  ASSERT_TRUE(bests.ok()) << bests.status();
  std::vector<Ids> found(filters.size());
  size_t last = 0;
  ASSERT_TRUE(store_
                  ->ForEachOf(filters,
                              [&](size_t i, const Record& record) {
                                EXPECT_GE(i, last);
                                last = i;
                                found[i].push_back(record.run_id);
                              })
                  .ok());
  ASSERT_EQ(bests->size(), filters.size());
  for (size_t i = 0; i < filters.size(); i += 7) {
    EXPECT_EQ((*bests)[i], *store_->Best(filters[i])) << i;
    EXPECT_EQ(found[i], RunIds(filters[i])) << i;
  }
  EXPECT_TRUE(store_->Bests({})->empty());
}

TEST_P(StoreContract, SkipsARunIdThatItHas) {
  ASSERT_TRUE(Add(SampleRecord("a", 1)).ok());
  ASSERT_TRUE(store_->Append(std::vector{SampleRecord("a", 2), SampleRecord("b", 3)}).ok());
  EXPECT_EQ(*store_->Count({}), 2);
  EXPECT_EQ(RunIds({}), (Ids{"a", "b"}));
}

TEST_P(StoreContract, RefusesAllOfABatchWithABadRecord) {
  Record bad = SampleRecord("b");
  bad.outcome = Timing{{std::numeric_limits<double>::infinity()}};
  const absl::Status status = store_->Append(std::vector{SampleRecord("a"), bad});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(*store_->Count({}), 0);
}

// A record of a config of its own.
Record Of(const std::string& run_id, int64_t steps, double seconds) {
  Record record = SampleRecord(run_id, seconds);
  record.config.entities.back().second = OtherEntity{steps};
  return record;
}

TEST_P(StoreContract, BestIsTheLowestMedianOfUsableRecords) {
  Record suspect = Of("suspect", 1, 0.5);
  suspect.record_class = "suspect";
  // Its fastest sample is the lowest of all, its median is not.
  Record jumpy = Of("jumpy", 2, 1);
  jumpy.outcome = Timing{{0.01, 9, 9}};
  ASSERT_TRUE(store_
                  ->Append(std::vector{Of("slow", 3, 3), Of("fast", 4, 2), Of("later", 5, 2),
                                       suspect, jumpy, SampleFailure("crash")})
                  .ok());
  EXPECT_EQ((*store_->Best({}))->run_id, "fast");
}

TEST_P(StoreContract, BestTakesARepeatedConfigByTheMiddleOfItsTimes) {
  ASSERT_TRUE(store_
                  ->Append(std::vector{Of("lucky", 1, 1), Of("again", 1, 4), Of("once more", 1, 5),
                                       Of("steady", 2, 2), Of("steady again", 2, 3)})
                  .ok());
  EXPECT_EQ((*store_->Best({}))->run_id, "steady");
  ASSERT_TRUE(Add(Of("even faster", 1, 1.5)).ok());
  EXPECT_EQ((*store_->Best({}))->run_id, "even faster");
}

TEST_P(StoreContract, BestOfNothingIsNothing) {
  EXPECT_EQ(*store_->Best({}), std::nullopt);
  ASSERT_TRUE(Add(SampleFailure("a")).ok());
  EXPECT_EQ(*store_->Best({}), std::nullopt);
}

TEST_P(StoreContract, EachFilterSelects) {
  Record other = SampleRecord("other");
  other.task.workload = SampleWorkload(32, "");
  other.task.template_name = "conv2d_winograd.cpu";
  other.task.target.mcpu = "znver4";
  other.device_key = "rpi4";
  other.job = "";
  ASSERT_TRUE(store_->Append(std::vector{SampleRecord("a"), other, SampleFailure("f")}).ok());
  EXPECT_EQ(RunIds({.workload_key = SampleWorkload().Key()}), (Ids{"a", "f"}));
  EXPECT_EQ(RunIds({.template_name = "conv2d_winograd.cpu"}), Ids{"other"});
  EXPECT_EQ(RunIds({.target = "cpu -mcpu=znver4"}), Ids{"other"});
  EXPECT_EQ(RunIds({.device_key = "rpi4"}), Ids{"other"});
  EXPECT_EQ(RunIds({.job = "job-7"}), (Ids{"a", "f"}));
  EXPECT_EQ(RunIds({.op = "conv2d"}), (Ids{"a", "other", "f"}));
  EXPECT_EQ(RunIds({.only_ok = true}), (Ids{"a", "other"}));
  EXPECT_EQ(RunIds({.limit = 1}), Ids{"a"});
  EXPECT_EQ(RunIds({.anchor_key = SampleWorkload(64, "").Key()}), (Ids{"a", "f"}));
  EXPECT_EQ(RunIds({.workload_substring = "32,32,3,3"}), Ids{"other"});
  EXPECT_EQ(RunIds({.op = "dense"}), Ids{});
  EXPECT_EQ(RunIds({.config = EntitiesToJson(other.config)}).size(), 3u);
  EXPECT_EQ(RunIds({.config = "[]"}), Ids{});
  EXPECT_EQ(RunIds({.below = 1.25e-3}), Ids{});
  EXPECT_EQ(RunIds({.below = 1.26e-3}), (Ids{"a", "other"}));
  EXPECT_EQ(*store_->Count({.device_key = "xeon", .only_ok = true}), 1);
}

TEST_P(StoreContract, WhenAndByWhomItWasMeasuredSelects) {
  Record early = SampleRecord("early"), late = SampleRecord("late");
  early.unix_time = 100;
  late.unix_time = 200;
  late.worker = "worker-2";
  early.builder = "big";
  ASSERT_TRUE(store_->Append(std::vector{early, late}).ok());
  EXPECT_EQ(RunIds({.worker = "worker-2"}), Ids{"late"});
  EXPECT_EQ(RunIds({.run_id = "early"}), Ids{"early"});
  EXPECT_EQ(RunIds({.builder = "big"}), Ids{"early"});
  EXPECT_EQ(RunIds({.since = 100, .before = 200}), Ids{"early"});
  EXPECT_EQ(RunIds({.since = 101}), Ids{"late"});
}

TEST_P(StoreContract, ARevokedRecordIsSeenByNobodyButAResumedJob) {
  Record wrong = SampleRecord("wrong", 1e-4);
  wrong.trial = 7;
  ASSERT_TRUE(store_->Append(std::vector{wrong, SampleRecord("right")}).ok());
  const std::vector<Revocation> revocations = {{"wrong", "its clock was off", 5, "ann"}};
  ASSERT_TRUE(store_->Commit({.revocations = revocations}).ok());
  EXPECT_EQ(RunIds({}), Ids{"right"});
  EXPECT_EQ(RunIds({.revoked = true}), Ids{"wrong"});
  EXPECT_EQ(*store_->Count({}), 1);
  EXPECT_EQ(store_->Newest({}, 5)->size(), 1u);
  EXPECT_EQ((*store_->Best({}))->run_id, "right");
  EXPECT_EQ(store_->BestPerWorkload({})->at(0).run_id, "right");
  EXPECT_EQ(*store_->Revocations(), revocations);
  std::vector<uint64_t> trials;
  const auto visit = [&](const JobResult& result) { return trials.push_back(result.trial), true; };
  ASSERT_TRUE(store_->ForEachResult("job-7", 0, visit).ok());
  EXPECT_EQ(trials, std::vector<uint64_t>{7});
}

TEST_P(StoreContract, ARevocationIsFinalAndOfKnownRecordsOnly) {
  ASSERT_TRUE(Add(SampleRecord("wrong")).ok());
  const std::vector<Revocation> first = {{"wrong", "its clock was off", 5, "ann"},
                                         {"unknown", "?", 5}};
  ASSERT_TRUE(store_->Commit({.revocations = first}).ok());
  const Revocation again{"wrong", "another reason", 6, "bob"};
  ASSERT_TRUE(store_->Commit({.revocations = {&again, 1}}).ok());
  ASSERT_TRUE(Add(SampleRecord("wrong")).ok());
  EXPECT_EQ(RunIds({}), Ids{});
  EXPECT_EQ(*store_->Revocations(), std::vector{first[0]});
}

TEST_P(StoreContract, ARecordMayBeRevokedInItsOwnBatch) {
  const std::vector<Record> records = {SampleRecord("wrong"), SampleRecord("right")};
  const std::vector<Revocation> revocations = {{"wrong", "its slot was slow", 5, "rack1"}};
  ASSERT_TRUE(store_->Commit({.records = records, .revocations = revocations}).ok());
  EXPECT_EQ(RunIds({}), Ids{"right"});
  EXPECT_EQ(*store_->Revocations(), revocations);
}

TEST_P(StoreContract, OneConfigOfAWorkloadSelects) {
  Record other = SampleRecord("other");
  other.config.entities.back().second = OtherEntity{int64_t{8}};
  ASSERT_TRUE(store_->Append(std::vector{SampleRecord("a"), other, SampleRecord("b")}).ok());
  const RecordFilter filter{.workload_key = SampleWorkload().Key(),
                            .config = EntitiesToJson(other.config)};
  EXPECT_EQ(RunIds(filter), Ids{"other"});
  EXPECT_EQ(store_->Newest(filter, 2)->size(), 1u);
}

TEST_P(StoreContract, NewestAreTheLastOnesOldestFirstAndIdsGrow) {
  EXPECT_EQ(*store_->LastId(), 0);
  ASSERT_TRUE(store_->Append(std::vector{SampleRecord("a"), SampleRecord("b")}).ok());
  const int64_t before = *store_->LastId();
  ASSERT_TRUE(store_->Append(std::vector{SampleRecord("a"), SampleFailure("c")}).ok());
  EXPECT_GT(*store_->LastId(), before);
  EXPECT_EQ(store_->Newest({}, 2)->at(0).run_id, "b");
  EXPECT_EQ(store_->Newest({.only_ok = true}, 1)->at(0).run_id, "b");
  EXPECT_EQ(RunIds({.max_id = before}), (Ids{"a", "b"}));
}

TEST_P(StoreContract, VeryLongKeysAndConfigsAreFound) {
  Rng rng(1);
  std::string noise;
  for (int i = 0; i < 60'000; ++i) noise.push_back(static_cast<char>('a' + rng.Below(26)));
  Record record = SampleRecord("long");
  record.task.workload = Workload{.op = "conv2d_nchw.cuda"};
  record.task.template_name = "conv2d_nchw.cuda";
  record.foreign_args = "[\"" + noise + "\"]";
  record.foreign_line = "{}";
  record.config.entities = {{noise, OtherEntity{int64_t{1}}}};
  ASSERT_TRUE(Add(record).ok());
  RecordFilter filter{.workload_key = WorkloadKey(record), .target = ToString(record.task.target)};
  EXPECT_EQ(store_->Best(filter)->value(), record);
  filter.config = EntitiesToJson(record.config);
  EXPECT_EQ(RunIds(filter), Ids{"long"});
  EXPECT_EQ(store_->BestPerWorkload({})->size(), 1u);
}

// More than a chunk, of workloads that lie in another order in an index than in time.
std::vector<Record> ManyRecords() {
  std::vector<Record> many;
  for (int i = 0; i < 1500; ++i) {
    many.push_back(SampleRecord(std::to_string(i)));
    if (i % 3 == 0) many.back().task.workload = SampleWorkload(32);
  }
  return many;
}

TEST_P(StoreContract, AVisitMayUseTheStoreAndStop) {
  ASSERT_TRUE(store_->Append(ManyRecords()).ok());
  for (const RecordFilter& filter : {RecordFilter{}, RecordFilter{.device_key = "xeon"}}) {
    int visits = 0;
    const auto visit = [&](const Record& record) {
      EXPECT_EQ(record.run_id, std::to_string(visits));
      if (visits == 700) {
        EXPECT_EQ(*store_->Count({}), 1500);
      }
      return ++visits < 1200;
    };
    ASSERT_TRUE(store_->ForEach(filter, visit).ok());
    EXPECT_EQ(visits, 1200);
  }
}

TEST_P(StoreContract, WhatMatchesIsVisitedInItsOrderUpToTheLimit) {
  const std::vector<Record> many = ManyRecords();
  ASSERT_TRUE(store_->Append(many).ok());
  RecordFilter filter{.device_key = "xeon", .limit = 600};
  EXPECT_EQ(RunIds(filter).size(), 600u);
  EXPECT_EQ(RunIds(filter).back(), "599");
  filter = {.workload_key = SampleWorkload(32).Key(), .limit = 512};
  EXPECT_EQ(RunIds(filter).size(), 500u);
  EXPECT_EQ(RunIds(filter).back(), "1497");
  EXPECT_EQ(RunIds({.job = "job-7"}).size(), 1500u);
  EXPECT_EQ(RunIds({.device_key = "other"}), Ids{});
}

TEST_P(StoreContract, ManyThreadsAppendAndRead) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(Add(SampleRecord(std::to_string(t * 10 + i))).ok());
        EXPECT_TRUE(store_->Best({}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*store_->Count({}), 80);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(kStores), NameOfStore);

}  // namespace
}  // namespace tilewright
