#include "records/store/maintenance.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "records/store/schema.h"
#include "records/store/sqlite.h"

namespace tilewright {
namespace {

absl::Status SyncPath(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (synced) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot sync ", path, ": ", std::strerror(error)));
}

absl::Status Publish(const std::string& draft, const std::string& copy) {
  TW_RETURN_IF_ERROR(SyncPath(draft));
  std::error_code error;
  std::filesystem::rename(draft, copy, error);
  if (error) {
    return absl::PermissionDeniedError(absl::StrCat("cannot create ", copy, ": ", error.message()));
  }
  const std::string folder = std::filesystem::path(copy).parent_path().string();
  return SyncPath(folder.empty() ? "." : folder);
}

absl::Status CopyInto(const std::string& path, const std::string& draft) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader,
                      SqliteConnection::Open(path, SqliteMode::kReadOnly));
  TW_RETURN_IF_ERROR(CheckSchema(*reader).status());
  const std::string quoted = absl::StrReplaceAll(draft, {{"'", "''"}});
  return reader->Execute(absl::StrCat("VACUUM INTO '", quoted, "'"));
}

}  // namespace

absl::StatusOr<int64_t> CheckStore(const RecordStore& store) {
  int64_t rows = 0;
  for (const bool revoked : {false, true}) {
    TW_RETURN_IF_ERROR(
        store.ForEach({.revoked = revoked}, [&](const Record&) { return ++rows, true; }));
  }
  return rows;
}

absl::StatusOr<int64_t> CheckRecordsFile(const std::string& path) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader,
                      SqliteConnection::Open(path, SqliteMode::kReadOnly));
  TW_RETURN_IF_ERROR(CheckSchema(*reader).status());
  TW_ASSIGN_OR_RETURN(const std::string found, reader->QueryText("PRAGMA integrity_check(1)"));
  if (found != "ok") {
    return absl::DataLossError(absl::StrCat(path, " is damaged: ", found, "; restore a backup"));
  }
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<RecordStore> store, OpenSqliteStore(path, true));
  return CheckStore(*store);
}

absl::StatusOr<int64_t> BackUpRecords(const std::string& path, const std::string& copy) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(copy, error))) {
    return absl::AlreadyExistsError(absl::StrCat(copy, " exists; name another file"));
  }
  const std::string draft = absl::StrCat(copy, ".partial-", getpid());
  absl::Status status = CopyInto(path, draft);
  absl::StatusOr<int64_t> rows = status.ok() ? CheckRecordsFile(draft) : status;
  if (rows.ok()) status = Publish(draft, copy);
  if (!rows.ok() || !status.ok()) std::filesystem::remove(draft, error);
  TW_RETURN_IF_ERROR(status);
  return rows;
}

}  // namespace tilewright
