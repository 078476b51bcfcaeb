// Remembers measurements, and the jobs they were made for. Thread-safe. What Commit returned OK
// for survives kill -9.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "records/record.h"
#include "records/store/job_row.h"

namespace tilewright {

// Empty fields match everything. Revoked records are never matched, unless they are asked for.
struct RecordFilter {
  std::string workload_key;  // exact
  std::string template_name;
  std::string target;  // canonical text
  std::string device_key;
  std::string job;
  std::string op;          // "conv2d"
  bool only_ok = false;    // timed and of class ok, late or imported
  int64_t limit = 0;       // 0 = all
  std::string anchor_key;  // AnchorKey: any epilogue
  std::string workload_substring;
  std::string record_class;
  std::string config;  // EntitiesToJson
  double below = 0;    // only timed with a median below this many seconds; 0 = all
  int threads = 0;     // 0 = any
  std::string run_id, worker;
  std::string builder;  // the worker that built for another one; not those that run what they build
  double since = 0, before = 0;  // ended at or after, and before, these unix seconds; 0 = all
  bool revoked = false;          // only records that were revoked
  int64_t max_id = 0;            // only records stored up to this id (LastId); 0 = all
};

// A record that was found to be wrong: it stays, but only a job that resumes sees it.
struct Revocation {
  std::string run_id;  // of the record
  std::string reason;  // for people
  double unix_time = 0;
  std::string by;  // who withdrew it: a user's name; "" = not kept

  friend bool operator==(const Revocation&, const Revocation&) = default;
};

// What is stored together: all of it or nothing.
struct StoreBatch {
  std::span<const Record> records;
  std::span<const JobStepRow> steps;
  std::span<const JobRow> jobs;
  std::span<const Revocation> revocations;
};

// Records to go through, wherever they are.
class RecordScan {
 public:
  virtual ~RecordScan() = default;
  // Oldest first. The callback returns false to stop; it may use the store.
  virtual absl::Status ForEach(const RecordFilter& filter,
                               const std::function<bool(const Record&)>& visit) const = 0;
};

class RecordStore : public RecordScan {
 public:
  // All or nothing. Records whose run_id exists are skipped, a job's row replaces the one of the
  // same id, a step that exists and a revocation of a revoked or unknown record is skipped; one of
  // a record of the same batch counts.
  // InvalidArgument: see CheckRecord.
  virtual absl::Status Commit(const StoreBatch& batch) = 0;
  absl::Status Append(std::span<const Record> records) { return Commit({.records = records}); }

  // The newest `count` that match, oldest first.
  virtual absl::StatusOr<std::vector<Record>> Newest(const RecordFilter& filter,
                                                     int64_t count) const = 0;
  // The record of the fastest config among the usable ones that the filter matches. A config that
  // was measured several times counts with the middle of its medians (of two the faster), so that
  // one lucky measurement does not beat repeated ones, and is given by the record with that time.
  virtual absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const = 0;
  // Of each of the filters, in their order, and asked for together: what takes many questions to a
  // store that is far away.
  virtual absl::StatusOr<std::vector<std::optional<Record>>> Bests(
      std::span<const RecordFilter> filters) const = 0;
  // What each of the filters matches, oldest first, all of the first one's before the second's; for
  // filters that match few each. Limits are not applied.
  virtual absl::Status ForEachOf(
      std::span<const RecordFilter> filters,
      const std::function<void(size_t filter, const Record&)>& visit) const = 0;
  // Best for each workload and target, in the order of their keys (foreign ones included).
  virtual absl::StatusOr<std::vector<Record>> BestPerWorkload(const RecordFilter& filter) const = 0;
  // The limit is not applied.
  virtual absl::StatusOr<int64_t> Count(const RecordFilter& filter) const = 0;
  // Of the record stored last; 0 = there is none.
  virtual absl::StatusOr<int64_t> LastId() const = 0;
  // In the order of their records.
  virtual absl::StatusOr<std::vector<Revocation>> Revocations() const = 0;

  // ---- jobs
  // Oldest first, without specs and results; with `unfinished` only those that have not ended.
  virtual absl::StatusOr<std::vector<JobRow>> Jobs(bool unfinished) const = 0;
  virtual absl::StatusOr<std::optional<JobRow>> FindJob(const std::string& id) const = 0;
  // The job that an owner's request made.
  virtual absl::StatusOr<std::optional<JobRow>> FindRequest(const std::string& owner,
                                                            const std::string& request) const = 0;
  // In order of their numbers, from `first` on; false stops.
  virtual absl::Status ForEachStep(const std::string& job, uint64_t first,
                                   const std::function<bool(const JobStepRow&)>& visit) const = 0;
  // The measurements of a job's trials in the order in which they were stored, of those behind the
  // record `after`; false stops.
  virtual absl::Status ForEachResult(const std::string& job, int64_t after,
                                     const std::function<bool(JobResult)>& visit) const = 0;
};

// SQLite: WAL, synchronous=FULL, one writing connection with group commit, STRICT tables, forward
// migrations by user_version, flock on the file's side lock so that one process writes. Creates
// the file (and its folder) when missing. DataLoss for a file that is not a sound records
// database (one above 64 MiB is checked beside its use, and commits fail from then on),
// FailedPrecondition for a newer schema, Unavailable when another process has it,
// NotFound when reading a missing file. Readers work beside a writer of another process, on media
// that nobody can write to, and read older schemas too.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenSqliteStore(const std::string& path,
                                                             bool read_only = false);
// In memory, for tests and for logs given instead of a database.
std::unique_ptr<RecordStore> MakeMemoryStore();

}  // namespace tilewright
