// How fast a records file of many measurements answers.
//
//   bench-records-speed FILE [RECORDS] [WORKLOADS] [COMMITS]   (fills FILE when it is not there)
//   bench-records-speed postgresql://... [RECORDS] ...         (fills an empty database)
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/rng.h"
#include "compiler/operators/workload_rules.h"
#include "records/formats/autotvm_log.h"
#include "records/lookup/beats_default.h"
#include "records/lookup/lookup.h"
#include "records/store/open_store.h"
#include "records/store/postgres_url.h"
#include "records/store/record_store.h"

namespace tilewright {
namespace {

constexpr int64_t kBatch = 2000;

Record Made(Rng& rng, int64_t i, int64_t workloads) {
  const int64_t channels = 16 * (1 + static_cast<int64_t>(rng.Below(workloads)));
  Record record;
  record.task = {ParseWorkload(absl::StrCat("dense(float32[1,", channels, "],float32[64,", channels,
                                            "];,NK16n,)+bias"))
                     .value(),
                 "dense_pack.cpu", ParseTarget("cpu -mcpu=znver4").value()};
  record.config.entities = {{"tile_k", SplitEntity{{-1, static_cast<int64_t>(rng.Below(64)) + 1}}},
                            {"tile_n", SplitEntity{{-1, static_cast<int64_t>(rng.Below(64)) + 1}}}};
  record.outcome = Timing{{rng.Uniform(1e-4, 1e-2), rng.Uniform(1e-4, 1e-2)}};
  record.device_key = "xeon";
  record.device = "some processor";
  record.worker = "rack3";
  record.job = absl::StrCat("job-", i / 1000);
  record.software = "bench";
  record.unix_time = 1.79e9 + static_cast<double>(i);
  record.run_id = absl::StrCat("run-", i);
  return record;
}

// Every second workload's best config was decided in a network.
void Decide(RecordStore& store) {
  std::vector<Record> decisions = store.BestPerWorkload({}).value();
  for (size_t i = 0; i < decisions.size(); ++i) {
    decisions[i].run_id = absl::StrCat("decision-", i);
    decisions[i].record_class = i % 2 == 0 ? kInNetworkClass : "suspect";
    decisions[i].unix_time = 1.8e9;
  }
  TW_CHECK(store.Append(decisions).ok());
}

void Fill(const std::string& path, int64_t count, int64_t workloads) {
  const auto store = OpenStore(path).value();
  Rng rng(1);
  std::vector<Record> batch;
  for (int64_t i = 0; i < count; ++i) {
    batch.push_back(Made(rng, i, workloads));
    if (static_cast<int64_t>(batch.size()) < kBatch && i + 1 < count) continue;
    TW_CHECK(store->Append(batch).ok());
    batch.clear();
  }
  Decide(*store);
}

bool IsEmpty(const std::string& named) {
  if (!IsPostgresUrl(named)) return !std::filesystem::exists(named);
  return absl::IsNotFound(OpenStore(named, /*read_only=*/true).status());
}

void Time(const std::string& what, const std::function<std::string()>& run) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu_start = std::clock();
  const std::string found = run();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const double cpu = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  std::cout << absl::StrCat(what, ": ", taken.count() * 1e3, " ms, of the processor ", cpu * 1e3,
                            " ms (", found, ")")
            << std::endl;
}

// One record and one step a commit, by so many threads at once.
void Commit(RecordStore& store, int threads, int commits) {
  const auto one = [&](int thread) {
    Rng rng(static_cast<uint64_t>(thread) + 2);
    for (int i = 0; i < commits; ++i) {
      Record record = Made(rng, i, 600);
      record.run_id = absl::StrCat("commit-", getpid(), "-", threads, "-", thread, "-", i);
      const JobStepRow step{record.run_id, 1, 1, "{}"};
      TW_CHECK(store.Commit({.records = {&record, 1}, .steps = {&step, 1}}).ok());
    }
  };
  Time(absl::StrCat("commits by ", threads, " threads"), [&] {
    std::vector<std::thread> all;
    for (int thread = 0; thread < threads; ++thread) all.emplace_back(one, thread);
    for (std::thread& thread : all) thread.join();
    return absl::StrCat(threads * commits, " commits");
  });
}

// As LookUpModel, but for the question whether today's templates take the made-up configs.
std::string LookUp(const RecordStore& store, const std::vector<Record>& best) {
  std::vector<Workload> workloads;
  for (const Record& record : best) workloads.push_back(record.task.workload);
  const Target target = ParseTarget("cpu -mcpu=znver4").value();
  Defaults defaults(/*exact=*/false);
  std::vector<std::optional<AskedConfig>> rivals;
  for (const LookupResult& one : LookupEach(store, workloads, target, {}).value()) {
    if (one.record) rivals.push_back(defaults.RivalOf(*one.record).value());
  }
  return absl::StrCat(ConfigTimings(store, rivals)->size(), " workloads");
}

void Measure(const std::string& path, int commits) {
  absl::StatusOr<std::unique_ptr<RecordStore>> writer;
  Time("open to write", [&] {
    writer = OpenStore(path);
    return writer.ok() ? "ok" : "failed";
  });
  Commit(**writer, 1, commits / 64);
  Commit(**writer, 64, commits / 64);
  writer = absl::UnavailableError("closed");
  const auto store = OpenStore(path, /*read_only=*/true).value();
  for (const char* key : {"", "xeon"}) {
    Time(absl::StrCat("all", *key ? " of a device" : ""), [&] {
      int64_t count = 0;
      TW_CHECK(
          store->ForEach({.device_key = key}, [&](const Record&) { return ++count > 0; }).ok());
      return absl::StrCat(count, " records");
    });
  }
  std::vector<Record> best;
  Time("newest 20", [&] { return absl::StrCat(store->Newest({}, 20)->size()); });
  Time("best of every workload", [&] {
    best = store->BestPerWorkload({}).value();
    return absl::StrCat(best.size(), " workloads");
  });
  Time("best of one workload", [&] {
    const RecordFilter one{.workload_key = WorkloadKey(best[0]), .target = "cpu -mcpu=znver4"};
    return store->Best(one)->has_value() ? "found" : "none";
  });
  Time("a model's look-up", [&] { return LookUp(*store, best); });
  Time("export", [&] {
    std::ostringstream out;
    return absl::StrCat(ExportLog(*store, {}, out).value(), " rows");
  });
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "records_speed FILE [RECORDS] [WORKLOADS] [COMMITS]\n";
    return 2;
  }
  const int64_t records = argc > 2 ? std::atoll(argv[2]) : 1'000'000;
  const int64_t workloads = argc > 3 ? std::atoll(argv[3]) : 600;
  if (tilewright::IsEmpty(argv[1])) tilewright::Fill(argv[1], records, workloads);
  const int commits = argc > 4 ? std::atoi(argv[4]) : 32'000;
  tilewright::Measure(argv[1], commits);
}
