#include "records/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr int kBusyMilliseconds = 5000;
constexpr int kReaderKib = 16 << 10;  // of pages that a reader keeps: a look-up's part of an index
// Of pages that a writer keeps: each record goes to random places of eight indexes.
constexpr int kWriterKib = 32 << 10;
constexpr size_t kMostKept = 64;  // statements of a connection: the texts of filters vary

absl::Status CannotOpen(const std::string& path, int system_error) {
  switch (system_error) {
    case ENOENT: return absl::NotFoundError(absl::StrCat(path, " does not exist"));
    case EACCES:
    case EPERM:
    case EROFS: return absl::PermissionDeniedError(absl::StrCat("no permission to open ", path));
    default: return absl::UnavailableError(absl::StrCat("cannot open ", path));
  }
}

// SQLite takes ":memory:" for no file at all.
std::string FileName(const std::string& path) {
  return absl::StartsWith(path, ":") ? absl::StrCat("./", path) : path;
}

// A reader of WAL shares memory with the writer, in a file that it makes beside the database. Where
// it can make none, as on a medium that is read-only, and no log is there, nothing is being
// written.
bool IsUnchanging(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  return faccessat(AT_FDCWD, folder.empty() ? "." : folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0 &&
         !std::filesystem::exists(path + "-wal", error);
}

// SQLite then takes no locks and looks for no log (sqlite.org/uri.html).
std::string UnchangingUri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).lexically_normal().string()) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/';
    const absl::Hex code(static_cast<unsigned char>(c), absl::kZeroPad2);
    absl::StrAppend(&uri, plain ? std::string(1, c) : absl::StrCat("%", code));
  }
  return uri + "?immutable=1";
}

}  // namespace

class SqliteStatement final : public SqlStatement {
 public:
  SqliteStatement(SqliteConnection* connection, sqlite3_stmt* stmt)
      : connection_(connection), stmt_(stmt) {}
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement() override { connection_->Keep(stmt_); }

  void Bind(int parameter, std::string_view text) override;
  void Bind(int parameter, int64_t value) override;
  void Bind(int parameter, double value) override;
  void BindNull(int parameter) override;
  void BindBlob(int parameter, std::string_view bytes) override;
  absl::StatusOr<bool> Step() override;
  void Reset() override;

  std::string Text(int column) const override;
  std::string Blob(int column) const override;
  int64_t Int(int column) const override;
  double Real(int column) const override;

 private:
  SqliteConnection* connection_;
  sqlite3_stmt* stmt_;
};

absl::Status SqliteConnection::CheckPath(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status there = std::filesystem::status(path, error);
  if (!std::filesystem::exists(there) || std::filesystem::is_regular_file(there)) {
    return absl::OkStatus();
  }
  const bool folder = std::filesystem::is_directory(there);
  return absl::InvalidArgumentError(
      absl::StrCat(path, folder ? " is a folder" : " is a pipe, socket or device",
                   ", which holds no records: name a file"));
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                         SqliteMode mode) {
  int access = mode == SqliteMode::kReadOnly ? SQLITE_OPEN_READONLY
                                             : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  TW_RETURN_IF_ERROR(CheckPath(path));
  std::string name = FileName(path);
  if (mode == SqliteMode::kReadOnly && IsUnchanging(path)) {
    name = UnchangingUri(path);
    access |= SQLITE_OPEN_URI;
  }
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &db, access | SQLITE_OPEN_NOMUTEX, nullptr);
  // From here on the destructor closes it, as SQLite asks even after a failed open.
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(db, path));
  if (code != SQLITE_OK) return connection->Error("opening");
  TW_RETURN_IF_ERROR(connection->Configure(mode));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  ForgetKept();
  sqlite3_close_v2(db_);
}

absl::Status SqliteConnection::Configure(SqliteMode mode) {
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, kBusyMilliseconds);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (mode == SqliteMode::kReadOnly) {
    // Two checkpointing connections could lose data before SQLite 3.51.3: readers never do.
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return Execute(absl::StrCat("PRAGMA cell_size_check=ON; PRAGMA cache_size=-", kReaderKib));
  }
  return Execute(
      absl::StrCat("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cell_size_check=ON; "
                   "PRAGMA cache_size=-",
                   kWriterKib));
}

absl::Status SqliteConnection::Execute(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return Error("using");
}

absl::StatusOr<std::unique_ptr<SqlStatement>> SqliteConnection::Prepare(const std::string& sql) {
  if (auto kept = kept_.extract(sql)) {
    return std::make_unique<SqliteStatement>(this, kept.mapped());
  }
  sqlite3_stmt* stmt = nullptr;
  if (sqlite3_prepare_v2(db_, sql.c_str(), static_cast<int>(sql.size()), &stmt, nullptr) !=
      SQLITE_OK) {
    return Error("reading");
  }
  return std::make_unique<SqliteStatement>(this, stmt);
}

void SqliteConnection::Keep(sqlite3_stmt* stmt) {
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  if (kept_.size() >= kMostKept) ForgetKept();
  if (!kept_.emplace(sqlite3_sql(stmt), stmt).second) sqlite3_finalize(stmt);
}

void SqliteConnection::ForgetKept() {
  for (const auto& [sql, stmt] : kept_) sqlite3_finalize(stmt);
  kept_.clear();
}

absl::Status SqliteConnection::Error(absl::string_view doing) const {
  const std::string what =
      absl::StrCat(doing, " the records file ", path_, ": ", sqlite3_errmsg(db_));
  switch (sqlite3_errcode(db_) & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return absl::DataLossError(
          absl::StrCat(what, "; restore a backup, or move the file away and start a new one"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return absl::UnavailableError(what);
    case SQLITE_FULL: return absl::ResourceExhaustedError(what);
    case SQLITE_CANTOPEN: return CannotOpen(path_, sqlite3_system_errno(db_));
    case SQLITE_PERM:
    case SQLITE_READONLY: return absl::PermissionDeniedError(what);
    default: return absl::InternalError(what);
  }
}

bool SqliteConnection::SyncFailed() const {
  const int code = sqlite3_extended_errcode(db_);
  return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

void SqliteConnection::StopWhen(const std::atomic<bool>& flag) {
  constexpr int kSteps = 1000;  // of SQLite's machine between two looks at the flag
  const auto is_set = [](void* at) {
    return static_cast<const std::atomic<bool>*>(at)->load() ? 1 : 0;
  };
  sqlite3_progress_handler(db_, kSteps, is_set, const_cast<std::atomic<bool>*>(&flag));
}

bool SqliteConnection::InTransaction() const { return sqlite3_get_autocommit(db_) == 0; }

void SqliteStatement::Bind(int parameter, std::string_view text) {
  const char* data = text.data() ? text.data() : "";  // a null pointer would bind NULL
  TW_CHECK(sqlite3_bind_text64(stmt_, parameter, data, text.size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8) == SQLITE_OK);
}

void SqliteStatement::Bind(int parameter, int64_t value) {
  TW_CHECK(sqlite3_bind_int64(stmt_, parameter, value) == SQLITE_OK);
}

void SqliteStatement::Bind(int parameter, double value) {
  TW_CHECK(sqlite3_bind_double(stmt_, parameter, value) == SQLITE_OK);
}

void SqliteStatement::BindNull(int parameter) {
  TW_CHECK(sqlite3_bind_null(stmt_, parameter) == SQLITE_OK);
}

void SqliteStatement::BindBlob(int parameter, std::string_view bytes) {
  const char* data = bytes.data() ? bytes.data() : "";  // a null pointer would bind NULL
  TW_CHECK(sqlite3_bind_blob64(stmt_, parameter, data, bytes.size(), SQLITE_TRANSIENT) ==
           SQLITE_OK);
}

absl::StatusOr<bool> SqliteStatement::Step() {
  switch (sqlite3_step(stmt_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return connection_->Error("using");
  }
}

void SqliteStatement::Reset() { sqlite3_reset(stmt_); }

std::string SqliteStatement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  return text ? std::string(text, sqlite3_column_bytes(stmt_, column)) : std::string();
}

std::string SqliteStatement::Blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(stmt_, column));
  return bytes ? std::string(bytes, sqlite3_column_bytes(stmt_, column)) : std::string();
}

int64_t SqliteStatement::Int(int column) const { return sqlite3_column_int64(stmt_, column); }

double SqliteStatement::Real(int column) const { return sqlite3_column_double(stmt_, column); }

}  // namespace tilewright
