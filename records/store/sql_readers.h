// Connections for reading, lent to one thread at a time. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "records/store/sql.h"

namespace tilewright {

class SqlReaders {
 public:
  using Open = std::function<absl::StatusOr<std::unique_ptr<SqlConnection>>()>;
  using Bind = std::function<void(SqlStatement&)>;
  // False: no more rows are wanted.
  using Visit = std::function<absl::StatusOr<bool>(const SqlStatement&)>;

  // `open` makes one more connection; it may be called by several threads at once.
  explicit SqlReaders(Open open) : open_(std::move(open)) {}

  // Runs a query on a borrowed connection; the number of rows that were visited.
  absl::StatusOr<int64_t> Query(const std::string& sql, const Bind& bind, const Visit& visit);
  // SqlConnection::QueryEach on a borrowed connection.
  absl::Status QueryEach(const std::string& sql, size_t count, const SqlConnection::BindOne& bind,
                         const SqlConnection::VisitOne& visit);
  // The first column of the first row, 0 without one.
  absl::StatusOr<int64_t> QueryInt(const std::string& sql, const Bind& bind);

 private:
  absl::StatusOr<std::unique_ptr<SqlConnection>> Borrow();
  void Return(std::unique_ptr<SqlConnection> connection);

  const Open open_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqlConnection>> free_;  // guarded by mutex_
};

}  // namespace tilewright
