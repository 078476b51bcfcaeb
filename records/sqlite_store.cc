// The durable record store: a group writer and a few readers on one SQLite file.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/background_check.h"
#include "records/file_lock.h"
#include "records/group_writer.h"
#include "records/job_table.h"
#include "records/record_row.h"
#include "records/record_store.h"
#include "records/schema.h"
#include "records/sqlite.h"
#include "records/sqlite_readers.h"

namespace tilewright {
namespace {

// Rows read by one statement: a reader that stays open would keep the WAL from being reset.
constexpr int64_t kChunkRows = 512;

// The size of one page: no sound file is smaller, and SQLite would take a stump for a new file.
constexpr uintmax_t kLeastBytes = 4096;

// A file up to this size is read and checked when it is opened to write, in well under a second; a
// larger one beside its use.
constexpr uintmax_t kMostCheckedFirst = 64 << 20;

// Schema version that brought the tables of jobs.
constexpr int64_t kWithJobs = 2;
// Schema version that brought the index of configs.
constexpr int64_t kWithConfigs = 4;

class SqliteStore final : public RecordStore {
 public:
  SqliteStore(const std::string& path, int64_t schema_version, std::optional<FileLock> lock,
              std::unique_ptr<GroupWriter> writer, std::unique_ptr<BackgroundCheck> check)
      : schema_version_(schema_version),
        columns_(SelectedColumns(schema_version)),
        has_jobs_(schema_version >= kWithJobs),
        has_configs_(schema_version >= kWithConfigs),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        check_(std::move(check)),
        readers_(path) {}

  absl::Status Commit(const StoreBatch& batch) override {
    if (!writer_) return absl::PermissionDeniedError("the records were opened for reading only");
    for (const Record& record : batch.records) TW_RETURN_IF_ERROR(CheckRecord(record));
    return writer_->Write(batch);
  }

  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override {
    RecordReader reader;
    int64_t after = 0;
    int64_t left = filter.limit > 0 ? filter.limit : INT64_MAX;
    while (left > 0) {
      const int64_t wanted = std::min(left, kChunkRows);
      TW_ASSIGN_OR_RETURN(const Chunk chunk, ReadRows(filter, "AND id > ?20 ORDER BY id LIMIT ?21",
                                                      {after, wanted}, reader));
      for (const Record& record : chunk.records) {
        if (!visit(record)) return absl::OkStatus();
      }
      if (static_cast<int64_t>(chunk.records.size()) < wanted) return absl::OkStatus();
      after = chunk.last_id;
      left -= wanted;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Record>> Newest(const RecordFilter& filter,
                                             int64_t count) const override {
    RecordReader reader;
    TW_ASSIGN_OR_RETURN(Chunk newest, ReadRows(filter, "ORDER BY id DESC LIMIT ?20",
                                               {std::max<int64_t>(count, 0)}, reader));
    std::reverse(newest.records.begin(), newest.records.end());
    return std::move(newest.records);
  }

  absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const override {
    RecordFilter usable = filter;
    usable.only_ok = true;
    const bool is_narrow = !filter.workload_key.empty() || !filter.anchor_key.empty();
    const bool by_index = has_configs_ && is_narrow && !filter.target.empty();
    RecordReader reader;
    TW_ASSIGN_OR_RETURN(Chunk best,
                        Read(by_index ? BestByIndexSql(usable) : BestByWindowSql(usable), reader,
                             [&](SqliteStatement& statement) { BindFilter(usable, statement); }));
    if (best.records.empty()) return std::optional<Record>();
    return std::optional<Record>(std::move(best.records.front()));
  }

  absl::StatusOr<std::vector<Record>> BestPerWorkload(const RecordFilter& filter) const override {
    std::vector<Record> all;
    RecordFilter one = filter;
    for (Place at;;) {
      TW_ASSIGN_OR_RETURN(std::optional<Place> next, NextPlace(at));
      if (!next) return all;
      at = *std::move(next);
      const bool wanted = (filter.workload_key.empty() || filter.workload_key == at.workload) &&
                          (filter.target.empty() || filter.target == at.target) &&
                          at.workload.find(filter.workload_substring) != std::string::npos;
      if (!wanted) continue;
      one.workload_key = at.workload;
      one.target = at.target;
      TW_ASSIGN_OR_RETURN(std::optional<Record> best, Best(one));
      if (best) all.push_back(*std::move(best));
    }
  }

  absl::StatusOr<int64_t> Count(const RecordFilter& filter) const override {
    return readers_.QueryInt(
        absl::StrCat("SELECT count(*) FROM record", WhereSql(filter, schema_version_)),
        [&](SqliteStatement& statement) { BindFilter(filter, statement); });
  }

  absl::StatusOr<int64_t> LastId() const override {
    return readers_.QueryInt("SELECT max(id) FROM record", [](SqliteStatement&) {});
  }

  absl::StatusOr<std::vector<Revocation>> Revocations() const override {
    std::vector<Revocation> all;
    const auto visit = [&](const SqliteStatement& row) {
      all.push_back(ReadRevocation(row));
      return true;
    };
    TW_RETURN_IF_ERROR(
        readers_.Query(
                    SelectRevocationsSql(schema_version_), [](SqliteStatement&) {}, visit)
            .status());
    return all;
  }

  absl::StatusOr<std::vector<JobRow>> Jobs(bool unfinished) const override {
    const std::string only = unfinished ? " WHERE state IN ('queued', 'running', 'paused')" : "";
    return ReadJobs(only + " ORDER BY created, id", [](SqliteStatement&) {});
  }

  absl::StatusOr<std::optional<JobRow>> FindJob(const std::string& id) const override {
    TW_ASSIGN_OR_RETURN(std::vector<JobRow> jobs,
                        ReadJobs(" WHERE id = ?", [&](SqliteStatement& s) { s.Bind(1, id); }));
    return jobs.empty() ? std::optional<JobRow>() : std::optional<JobRow>(std::move(jobs[0]));
  }

  absl::StatusOr<std::optional<JobRow>> FindRequest(const std::string& owner,
                                                    const std::string& request) const override {
    const auto bind = [&](SqliteStatement& statement) {
      statement.Bind(1, owner);
      statement.Bind(2, request);
    };
    TW_ASSIGN_OR_RETURN(
        std::vector<JobRow> jobs,
        ReadJobs(" WHERE owner = ? AND request = ? AND request <> '' LIMIT 1", bind));
    return jobs.empty() ? std::optional<JobRow>() : std::optional<JobRow>(std::move(jobs[0]));
  }

  absl::Status ForEachStep(const std::string& job, uint64_t first,
                           const std::function<bool(const JobStepRow&)>& visit) const override {
    auto next = static_cast<int64_t>(first);
    return InChunks(
        SelectStepsSql(),
        [&](SqliteStatement& statement) {
          statement.Bind(1, job);
          statement.Bind(2, next);
          statement.Bind(3, kChunkRows);
        },
        [&](const SqliteStatement& row) -> absl::StatusOr<bool> {
          next = row.Int(1) + 1;
          return visit(ReadStep(row));
        });
  }

  absl::Status ForEachResult(const std::string& job,
                             const std::function<bool(JobResult)>& visit) const override {
    int64_t after = 0;
    return InChunks(
        SelectResultsSql(schema_version_),
        [&](SqliteStatement& statement) {
          statement.Bind(1, job);
          statement.Bind(2, after);
          statement.Bind(3, kChunkRows);
        },
        [&](const SqliteStatement& row) -> absl::StatusOr<bool> {
          after = row.Int(0);
          TW_ASSIGN_OR_RETURN(JobResult result, ReadResult(row));
          return visit(std::move(result));
        });
  }

 private:
  struct Chunk {
    std::vector<Record> records;
    int64_t last_id = 0;
  };
  using Bind = SqliteReaders::Bind;
  using Visit = SqliteReaders::Visit;
  struct Place {
    std::string workload, target;
  };

  // Judges every measurement that matches.
  std::string BestByWindowSql(const RecordFilter& filter) const {
    return absl::StrCat(
        "SELECT ", columns_,
        " FROM record WHERE id = (SELECT id FROM (SELECT id, median, count(*) OVER config AS "
        "times, row_number() OVER (config ORDER BY median, id) AS place FROM record",
        WhereSql(filter, schema_version_),
        "WINDOW config AS (PARTITION BY target, workload, template, config)) "
        "WHERE place = (times + 1) / 2 ORDER BY median, id LIMIT 1)");
  }

  // Walks the measurements from the fastest on, to the first that is the middle of its config's:
  // a few rows, however many there are. REQUIRES: a workload or an anchor, and a target.
  std::string BestByIndexSql(const RecordFilter& filter) const {
    const std::string of_config = absl::StrCat(
        "(SELECT count(*) FROM record AS s INDEXED BY record_by_config",
        WhereSql(filter, schema_version_),
        "AND s.workload = r.workload AND s.target = r.target AND s.template = r.template "
        "AND s.config = r.config");
    return absl::StrCat("SELECT ", columns_, " FROM record AS r INDEXED BY ",
                        filter.workload_key.empty() ? "record_by_anchor" : "record_by_workload",
                        WhereSql(filter, schema_version_), "AND ", of_config,
                        " AND (s.median, s.id) <= (r.median, r.id)) = (", of_config,
                        ") + 1) / 2 ORDER BY median, id LIMIT 1");
  }

  // The next workload and target in the order of their keys, by a step in an index. Asked in two
  // parts: of "(workload, target) > (?, ?)" SQLite would walk all rows that are equal.
  absl::StatusOr<std::optional<Place>> NextPlace(const Place& after) const {
    std::optional<Place> next;
    for (const bool same_workload : {true, false}) {
      const auto bind = [&](SqliteStatement& statement) {
        statement.Bind(1, after.workload);
        if (same_workload) statement.Bind(2, after.target);
      };
      const auto visit = [&](const SqliteStatement& row) {
        next = Place{row.Text(0), row.Text(1)};
        return false;
      };
      const std::string sql = absl::StrCat("SELECT workload, target FROM record WHERE workload ",
                                           same_workload ? "= ? AND target > ?" : "> ?",
                                           " ORDER BY workload, target LIMIT 1");
      TW_RETURN_IF_ERROR(readers_.Query(sql, bind, visit).status());
      if (next) break;
    }
    return next;
  }

  // Repeats a query that is bound anew for each chunk of kChunkRows, until one is not full.
  absl::Status InChunks(const std::string& sql, const Bind& bind, const Visit& visit) const {
    if (!has_jobs_) return absl::OkStatus();
    for (bool more = true; more;) {
      TW_ASSIGN_OR_RETURN(
          const int64_t rows,
          readers_.Query(sql, bind, [&](const SqliteStatement& row) -> absl::StatusOr<bool> {
            TW_ASSIGN_OR_RETURN(more, visit(row));
            return more;
          }));
      if (rows < kChunkRows) break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<JobRow>> ReadJobs(const std::string& where, const Bind& bind) const {
    std::vector<JobRow> jobs;
    if (!has_jobs_) return jobs;
    TW_RETURN_IF_ERROR(readers_
                           .Query(SelectJobsSql() + where, bind,
                                  [&](const SqliteStatement& row) {
                                    jobs.push_back(ReadJob(row));
                                    return true;
                                  })
                           .status());
    return jobs;
  }

  // The rows that match, as `rest` orders and limits them by the parameters from kFirstFree on.
  absl::StatusOr<Chunk> ReadRows(const RecordFilter& filter, absl::string_view rest,
                                 std::initializer_list<int64_t> values,
                                 RecordReader& reader) const {
    const bool one_config = !filter.workload_key.empty() && !filter.config.empty();
    const char* by = one_config && has_configs_ ? " INDEXED BY record_by_config" : "";
    const std::string sql = absl::StrCat("SELECT ", columns_, " FROM record", by,
                                         WhereSql(filter, schema_version_), rest);
    return Read(sql, reader, [&](SqliteStatement& statement) {
      BindFilter(filter, statement);
      int at = kFirstFree;
      for (const int64_t value : values) statement.Bind(at++, value);
    });
  }

  absl::StatusOr<Chunk> Read(const std::string& sql, RecordReader& reader, const Bind& bind) const {
    Chunk chunk;
    const auto visit = [&](const SqliteStatement& row) -> absl::StatusOr<bool> {
      TW_ASSIGN_OR_RETURN(Record record, reader.Read(row));
      chunk.records.push_back(std::move(record));
      chunk.last_id = row.Int(0);
      return true;
    };
    TW_RETURN_IF_ERROR(readers_.Query(sql, bind, visit).status());
    return chunk;
  }

  const int64_t schema_version_;
  const std::string columns_;
  const bool has_jobs_, has_configs_;
  // Closed in reverse: the writer after the readers, so that its close empties the WAL into the
  // file; the lock last.
  const std::optional<FileLock> lock_;
  const std::unique_ptr<GroupWriter> writer_;     // null when read-only
  const std::unique_ptr<BackgroundCheck> check_;  // null when there is none
  mutable SqliteReaders readers_;
};

absl::Status CheckSize(const std::string& path) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error || bytes == 0 || bytes >= kLeastBytes) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, " has only ", bytes,
                                          " bytes: it is no records file, or was cut off; restore "
                                          "a backup, or move the file away and start a new one"));
}

absl::Status MakeFolderOf(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("cannot make the folder ", folder.string(), ": ", error.message()));
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenForReading(const std::string& path) {
  TW_RETURN_IF_ERROR(CheckSize(path));
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader,
                      SqliteConnection::Open(path, SqliteMode::kReadOnly));
  TW_ASSIGN_OR_RETURN(const int64_t version, CheckSchema(*reader));
  return std::make_unique<SqliteStore>(path, version, std::nullopt, nullptr, nullptr);
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenForWriting(const std::string& path) {
  TW_RETURN_IF_ERROR(MakeFolderOf(path));
  TW_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(path + ".lock"));
  TW_RETURN_IF_ERROR(CheckSize(path));
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection,
                      SqliteConnection::Open(path, SqliteMode::kReadWriteCreate));
  std::error_code error;
  const bool is_small = std::filesystem::file_size(path, error) <= kMostCheckedFirst;
  if (is_small) TW_RETURN_IF_ERROR(QuickCheck(*connection));
  TW_RETURN_IF_ERROR(MigrateSchema(*connection));
  TW_ASSIGN_OR_RETURN(const int64_t version, CheckSchema(*connection));
  auto writer = std::make_unique<GroupWriter>(std::move(connection));
  std::unique_ptr<BackgroundCheck> check;
  if (!is_small) {
    const auto refuse = [&writer = *writer](const absl::Status& why) { writer.Refuse(why); };
    TW_ASSIGN_OR_RETURN(check, BackgroundCheck::Start(path, refuse));
  }
  return std::make_unique<SqliteStore>(path, version, std::move(lock), std::move(writer),
                                       std::move(check));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenSqliteStore(const std::string& path,
                                                             bool read_only) {
  return read_only ? OpenForReading(path) : OpenForWriting(path);
}

}  // namespace tilewright
