// The little of SQLite that the store needs, with lifetimes and Status.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "records/store/sql.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tilewright {

enum class SqliteMode { kReadOnly, kReadWriteCreate };

// Indexes are named: without statistics SQLite takes the wrong ones.
inline constexpr SqlDialect kSqliteDialect = {.equal = "$0 = $1",
                                              .contains = "instr($0, $1) > 0",
                                              .by_index = " INDEXED BY $0",
                                              .places = nullptr,
                                              // Steps in an index, of one target to the next.
                                              .targets =
                                                  "WITH RECURSIVE each (target) AS ("
                                                  "SELECT min(target) FROM record WHERE workload "
                                                  "= ?1 UNION ALL SELECT (SELECT min(target) FROM "
                                                  "record WHERE workload = ?1 AND target > "
                                                  "each.target) FROM each WHERE target NOTNULL) "
                                                  "SELECT target FROM each WHERE target NOTNULL",
                                              .has_long_indexes = true,
                                              .give_back = "VACUUM"};

class SqliteConnection final : public SqlConnection {
 public:
  // InvalidArgument, before anything is made, for what stands there and is no regular file: SQLite
  // waits for a pipe and fills a device.
  static absl::Status CheckPath(const std::string& path);

  // Opens and sets the safe defaults (defensive, no trusted schema, 5 s busy time-out, WAL with
  // synchronous=FULL when writing). Statuses: see CheckPath and Error.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path,
                                                                SqliteMode mode);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  absl::Status Execute(const std::string& sql) override;
  absl::StatusOr<std::unique_ptr<SqlStatement>> Prepare(const std::string& sql) override;
  absl::Status Begin() override { return Execute("BEGIN IMMEDIATE"); }
  bool InTransaction() const override;
  bool SyncFailed() const override;

  // Status of the last error: DataLoss (damaged, not a database), Unavailable (locked),
  // ResourceExhausted (disk full), NotFound or PermissionDenied (cannot open), else Internal.
  absl::Status Error(absl::string_view doing) const;
  // What runs on this connection ends with Internal soon after the flag is set; it must outlive the
  // connection.
  void StopWhen(const std::atomic<bool>& flag);

 private:
  SqliteConnection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  absl::Status Configure(SqliteMode mode);
  friend class SqliteStatement;
  void Keep(sqlite3_stmt* stmt);
  void ForgetKept();

  sqlite3* db_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> kept_;  // by their text; none is in use
};

}  // namespace tilewright
