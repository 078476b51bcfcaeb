// The little of SQLite that the store needs, with lifetimes and Status. A connection and its
// statements belong to one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tilewright {

enum class SqliteMode { kReadOnly, kReadWriteCreate };

class SqliteStatement;

class SqliteConnection {
 public:
  // Opens and sets the safe defaults (defensive, no trusted schema, 5 s busy time-out, WAL with
  // synchronous=FULL when writing). Statuses: see Error.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path,
                                                                SqliteMode mode);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  // Runs statements without results.
  absl::Status Execute(const std::string& sql);
  // One of the same text that was let go is used again: preparing costs more than most queries.
  absl::StatusOr<SqliteStatement> Prepare(const std::string& sql);
  // First column of the first row; "" / 0 when there is no row.
  absl::StatusOr<std::string> QueryText(const std::string& sql);
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);

  // Status of the last error: DataLoss (damaged, not a database), Unavailable (locked),
  // ResourceExhausted (disk full), NotFound or PermissionDenied (cannot open), else Internal.
  absl::Status Error(absl::string_view doing) const;
  // True when the last error says that the disk may have lost what was written: nothing may be
  // acknowledged on this connection any more.
  bool SyncFailed() const;
  // What runs on this connection ends with Internal soon after the flag is set; it must outlive the
  // connection.
  void StopWhen(const std::atomic<bool>& flag);
  // A transaction is open (an error may have ended it).
  bool InTransaction() const;

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

// A prepared statement; parameters count from 1, columns from 0. Must not outlive its connection.
class SqliteStatement {
 public:
  SqliteStatement(SqliteConnection* connection, sqlite3_stmt* stmt)
      : connection_(connection), stmt_(stmt) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  ~SqliteStatement();

  void Bind(int parameter, std::string_view text);
  void Bind(int parameter, int64_t value);
  void Bind(int parameter, double value);
  void BindNull(int parameter);
  void BindBlob(int parameter, std::string_view bytes);
  // True when there is a row.
  absl::StatusOr<bool> Step();
  // Ready for the next Bind and Step.
  void Reset();

  std::string Text(int column) const;
  std::string Blob(int column) const;
  int64_t Int(int column) const;
  double Real(int column) const;

 private:
  SqliteConnection* connection_;
  sqlite3_stmt* stmt_;
};

}  // namespace tilewright
