// The durable record store: a group writer and a few readers on one SQLite file.
#include <filesystem>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/file_lock.h"
#include "records/group_writer.h"
#include "records/record_row.h"
#include "records/record_store.h"
#include "records/schema.h"
#include "records/sqlite.h"

namespace tilewright {
namespace {

// Rows read by one statement: a reader that stays open would keep the WAL from being reset.
constexpr int64_t kChunkRows = 512;

// The size of one page: no sound file is smaller, and SQLite would take a stump for a new file.
constexpr uintmax_t kLeastBytes = 4096;

// Read-only connections, lent to one thread at a time.
class Readers {
 public:
  explicit Readers(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<std::unique_ptr<SqliteConnection>> Borrow() {
    {
      std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<SqliteConnection> connection = std::move(free_.back());
        free_.pop_back();
        return connection;
      }
    }
    return SqliteConnection::Open(path_, SqliteMode::kReadOnly);
  }
  void Return(std::unique_ptr<SqliteConnection> connection) {
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(connection));
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> free_;  // guarded by mutex_
};

class SqliteStore final : public RecordStore {
 public:
  SqliteStore(const std::string& path, std::optional<FileLock> lock,
              std::unique_ptr<GroupWriter> writer)
      : lock_(std::move(lock)), writer_(std::move(writer)), readers_(path) {}

  absl::Status Append(std::span<const Record> records) override {
    if (!writer_) return absl::PermissionDeniedError("the records were opened for reading only");
    for (const Record& record : records) TW_RETURN_IF_ERROR(CheckRecord(record));
    return writer_->Append(records);
  }

  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override {
    int64_t after = 0;
    int64_t left = filter.limit > 0 ? filter.limit : INT64_MAX;
    while (left > 0) {
      const int64_t wanted = std::min(left, kChunkRows);
      TW_ASSIGN_OR_RETURN(const Chunk chunk, ReadChunk(filter, after, wanted));
      for (const Record& record : chunk.records) {
        if (!visit(record)) return absl::OkStatus();
      }
      if (static_cast<int64_t>(chunk.records.size()) < wanted) return absl::OkStatus();
      after = chunk.last_id;
      left -= wanted;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const override {
    RecordFilter usable = filter;
    usable.only_ok = true;
    const std::string sql = absl::StrCat(
        "SELECT ", SelectedColumns(),
        " FROM record WHERE id = (SELECT id FROM (SELECT id, median, count(*) OVER config AS "
        "times, row_number() OVER (config ORDER BY median, id) AS place FROM record",
        WhereSql(usable),
        "WINDOW config AS (PARTITION BY target, workload, template, config)) "
        "WHERE place = (times + 1) / 2 ORDER BY median, id LIMIT 1)");
    TW_ASSIGN_OR_RETURN(Chunk best, Read(usable, sql));
    if (best.records.empty()) return std::optional<Record>();
    return std::optional<Record>(std::move(best.records.front()));
  }

  absl::StatusOr<int64_t> Count(const RecordFilter& filter) const override {
    TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader, readers_.Borrow());
    int64_t count = 0;
    {
      TW_ASSIGN_OR_RETURN(
          SqliteStatement statement,
          reader->Prepare(absl::StrCat("SELECT count(*) FROM record", WhereSql(filter))));
      BindFilter(filter, statement);
      TW_RETURN_IF_ERROR(statement.Step().status());
      count = statement.Int(0);
    }
    readers_.Return(std::move(reader));
    return count;
  }

 private:
  struct Chunk {
    std::vector<Record> records;
    int64_t last_id = 0;
  };

  absl::StatusOr<Chunk> ReadChunk(const RecordFilter& filter, int64_t after, int64_t rows) const {
    return Read(filter, absl::StrCat("SELECT ", SelectedColumns(), " FROM record", WhereSql(filter),
                                     "AND id > ", after, " ORDER BY id LIMIT ", rows));
  }

  absl::StatusOr<Chunk> Read(const RecordFilter& filter, const std::string& sql) const {
    TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader, readers_.Borrow());
    Chunk chunk;
    {
      TW_ASSIGN_OR_RETURN(SqliteStatement statement, reader->Prepare(sql));
      BindFilter(filter, statement);
      while (true) {
        TW_ASSIGN_OR_RETURN(const bool found, statement.Step());
        if (!found) break;
        TW_ASSIGN_OR_RETURN(Record record, ReadRecord(statement));
        chunk.records.push_back(std::move(record));
        chunk.last_id = statement.Int(0);
      }
    }
    readers_.Return(std::move(reader));
    return chunk;
  }

  // Closed in reverse: the writer after the readers, so that its close empties the WAL into the
  // file; the lock last.
  const std::optional<FileLock> lock_;
  const std::unique_ptr<GroupWriter> writer_;  // null when read-only
  mutable Readers readers_;
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
  TW_RETURN_IF_ERROR(CheckSchema(*reader));
  return std::make_unique<SqliteStore>(path, std::nullopt, nullptr);
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenForWriting(const std::string& path) {
  TW_RETURN_IF_ERROR(MakeFolderOf(path));
  TW_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(path + ".lock"));
  TW_RETURN_IF_ERROR(CheckSize(path));
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection,
                      SqliteConnection::Open(path, SqliteMode::kReadWriteCreate));
  TW_RETURN_IF_ERROR(MigrateSchema(*connection));
  return std::make_unique<SqliteStore>(path, std::move(lock),
                                       std::make_unique<GroupWriter>(std::move(connection)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenSqliteStore(const std::string& path,
                                                             bool read_only) {
  return read_only ? OpenForReading(path) : OpenForWriting(path);
}

}  // namespace tilewright
