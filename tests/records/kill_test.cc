// What Append acknowledged survives kill -9: a child appends and reports, the parent kills it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <set>
#include <thread>

#include "base/rng.h"
#include "records/store/maintenance.h"
#include "records/store/record_store.h"
#include "tests/faults/fault_counts.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

// Four threads append until killed; each acknowledged run_id is one line in the pipe.
[[noreturn]] void AppendForever(const std::string& path, int round, int out) {
  const auto store = OpenSqliteStore(path).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const std::string id =
            std::to_string(round) + "." + std::to_string(t) + "." + std::to_string(i);
        const Record record = SampleRecord(id);
        if (!store->Append({&record, 1}).ok()) _exit(1);
        const std::string line = id + "\n";
        if (write(out, line.data(), line.size()) < 0) _exit(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(1);
}

// Acknowledged run_ids of a child that was killed after `milliseconds`.
std::set<std::string> KilledAfter(const std::string& path, int round, int milliseconds) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) AppendForever(path, round, ends[1]);
  close(ends[1]);
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  kill(child, SIGKILL);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";
  std::set<std::string> ids;
  // A line without its end was not written whole; its record was acknowledged all the same.
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    ids.insert(text.substr(at, end - at));
  }
  return ids;
}

TEST(KillNine, EveryAcknowledgedRecordIsThere) {
  const TempFolder folder;
  const std::string path = folder / "records.db";
  const uint64_t seed = static_cast<uint64_t>(getpid());
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  std::set<std::string> acknowledged;
  FaultCounts counts{.injected = 8};
  for (int round = 0; round < counts.injected; ++round) {
    acknowledged.merge(KilledAfter(path, round, 10 + static_cast<int>(rng.Below(120))));
    const auto store = OpenSqliteStore(path);
    ASSERT_TRUE(store.ok()) << store.status();
    std::set<std::string> found;
    ASSERT_TRUE((*store)
                    ->ForEach({},
                              [&](const Record& r) {
                                found.insert(r.run_id);
                                return true;
                              })
                    .ok());
    for (const std::string& id : acknowledged) {
      EXPECT_TRUE(found.count(id)) << id;
      counts.lost += !found.count(id);
    }
    ASSERT_TRUE(CheckRecordsFile(path).ok());
  }
  EXPECT_FALSE(acknowledged.empty());
  counts.acknowledged = static_cast<int64_t>(acknowledged.size());
  Print(counts);
}

}  // namespace
}  // namespace tilewright
