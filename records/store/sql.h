// An SQL database as the store uses it: SQLite (records/store/sqlite.h) or PostgreSQL
// (records/store/postgres.h). Queries are written once, for both. A connection and its statements
// belong to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tilewright {

// A prepared statement; parameters ("?1", or "?" in order) count from 1, columns from 0. Parameters
// that are not bound are NULL. Must not outlive its connection.
class SqlStatement {
 public:
  virtual ~SqlStatement() = default;

  virtual void Bind(int parameter, std::string_view text) = 0;
  virtual void Bind(int parameter, int64_t value) = 0;
  virtual void Bind(int parameter, double value) = 0;
  virtual void BindNull(int parameter) = 0;
  virtual void BindBlob(int parameter, std::string_view bytes) = 0;
  // True when there is a row.
  virtual absl::StatusOr<bool> Step() = 0;
  // Ready for the next Bind and Step.
  virtual void Reset() = 0;

  // Of the row; NULL is "" or 0.
  virtual std::string Text(int column) const = 0;
  virtual std::string Blob(int column) const = 0;
  virtual int64_t Int(int column) const = 0;
  virtual double Real(int column) const = 0;
};

class SqlConnection {
 public:
  virtual ~SqlConnection() = default;

  // Runs statements without parameters; their results are dropped.
  virtual absl::Status Execute(const std::string& sql) = 0;
  // One of the same text that was let go is used again: preparing costs more than most queries.
  virtual absl::StatusOr<std::unique_ptr<SqlStatement>> Prepare(const std::string& sql) = 0;
  // Runs one query for each of `count` bindings and visits the rows of all, in the order of the
  // bindings; in one go where the other end can.
  using BindOne = std::function<void(size_t one, SqlStatement&)>;
  using VisitOne = std::function<absl::Status(size_t one, const SqlStatement&)>;
  virtual absl::Status QueryEach(const std::string& sql, size_t count, const BindOne& bind,
                                 const VisitOne& visit);
  // Starts a transaction that writes; "COMMIT" or "ROLLBACK" ends it. Where IsLost, connects anew
  // first if the connection is one that may.
  virtual absl::Status Begin() = 0;
  // A transaction is open (an error may have ended it).
  virtual bool InTransaction() const = 0;
  // True when the last error says that the disk may have lost what was written: nothing may be
  // acknowledged on this connection any more.
  virtual bool SyncFailed() const { return false; }
  // The other end is gone: whether the last COMMIT was made is not known.
  virtual bool IsLost() const { return false; }
  // Called now and then by a writer with nothing to do.
  virtual void OnIdle() {}

  // First column of the first row; "" / 0 when there is no row.
  absl::StatusOr<std::string> QueryText(const std::string& sql);
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);
};

// Where the SQL of the two differs. Patterns are absl::Substitute's.
struct SqlDialect {
  const char* equal;     // the text column $0, which has an index, equals $1
  const char* contains;  // the text $0 contains $1
  const char* by_index;  // after a table: go by the index $0
  // All workloads and targets in order of their keys; null: they are found by steps in an index.
  const char* places;
  // The targets of the records of workload ?1.
  const char* targets;
  bool has_long_indexes;  // an index may hold whole keys and configs
  const char* give_back;  // gives the space of removed records back
};

// The tables as one file or database has them.
struct SqlSchema {
  const SqlDialect& dialect;
  int64_t version;
};

}  // namespace tilewright
