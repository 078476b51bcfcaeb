// Read-only connections to a records file, lent to one thread at a time. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/sqlite.h"

namespace tilewright {

class SqliteReaders {
 public:
  using Bind = std::function<void(SqliteStatement&)>;
  // False: no more rows are wanted.
  using Visit = std::function<absl::StatusOr<bool>(const SqliteStatement&)>;

  explicit SqliteReaders(std::string path) : path_(std::move(path)) {}

  // Runs a query on a borrowed connection; the number of rows that were visited.
  absl::StatusOr<int64_t> Query(const std::string& sql, const Bind& bind, const Visit& visit);
  // The first column of the first row, 0 without one.
  absl::StatusOr<int64_t> QueryInt(const std::string& sql, const Bind& bind);

 private:
  absl::StatusOr<std::unique_ptr<SqliteConnection>> Borrow();
  void Return(std::unique_ptr<SqliteConnection> connection);

  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> free_;  // guarded by mutex_
};

}  // namespace tilewright
