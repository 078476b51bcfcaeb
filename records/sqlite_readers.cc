#include "records/sqlite_readers.h"

#include <utility>

#include "base/status_macros.h"

namespace tilewright {

absl::StatusOr<int64_t> SqliteReaders::Query(const std::string& sql, const Bind& bind,
                                             const Visit& visit) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader, Borrow());
  int64_t rows = 0;
  {
    TW_ASSIGN_OR_RETURN(SqliteStatement statement, reader->Prepare(sql));
    bind(statement);
    for (bool more = true; more; ++rows) {
      TW_ASSIGN_OR_RETURN(const bool found, statement.Step());
      if (!found) break;
      TW_ASSIGN_OR_RETURN(more, visit(statement));
    }
  }
  Return(std::move(reader));
  return rows;
}

absl::StatusOr<int64_t> SqliteReaders::QueryInt(const std::string& sql, const Bind& bind) {
  int64_t value = 0;
  TW_RETURN_IF_ERROR(Query(sql, bind, [&](const SqliteStatement& row) {
                       return value = row.Int(0), false;
                     }).status());
  return value;
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteReaders::Borrow() {
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

void SqliteReaders::Return(std::unique_ptr<SqliteConnection> connection) {
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(connection));
}

}  // namespace tilewright
