// Records in an SQLite file.
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/store/background_check.h"
#include "records/store/file_lock.h"
#include "records/store/schema.h"
#include "records/store/sql_store.h"
#include "records/store/sqlite.h"

namespace tilewright {
namespace {

// The size of one page: no sound file is smaller, and SQLite would take a stump for a new file.
constexpr uintmax_t kLeastBytes = 4096;

// A file up to this size is read and checked when it is opened to write, in well under a second; a
// larger one beside its use.
constexpr uintmax_t kMostCheckedFirst = 64 << 20;

SqlReaders::Open ReaderOf(const std::string& path) {
  return [path] { return SqliteConnection::Open(path, SqliteMode::kReadOnly); };
}

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
  return MakeSqlStore({.schema = {kSqliteDialect, version}, .open_reader = ReaderOf(path)});
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenForWriting(const std::string& path) {
  TW_RETURN_IF_ERROR(SqliteConnection::CheckPath(path));  // before a lock is made beside it
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
  std::shared_ptr<BackgroundCheck> check;
  if (!is_small) {
    const auto refuse = [&writer = *writer](const absl::Status& why) { writer.Refuse(why); };
    TW_ASSIGN_OR_RETURN(check, BackgroundCheck::Start(path, refuse));
  }
  // The writer is let go after the readers, so that its close empties the WAL into the file.
  return MakeSqlStore({.schema = {kSqliteDialect, version},
                       .lock = std::make_shared<FileLock>(std::move(lock)),
                       .writer = std::move(writer),
                       .check = std::move(check),
                       .open_reader = ReaderOf(path)});
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenSqliteStore(const std::string& path,
                                                             bool read_only) {
  return read_only ? OpenForReading(path) : OpenForWriting(path);
}

}  // namespace tilewright
