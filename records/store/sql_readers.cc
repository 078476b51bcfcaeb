#include "records/store/sql_readers.h"

#include <utility>

#include "base/status_macros.h"

namespace tilewright {

absl::StatusOr<int64_t> SqlReaders::Query(const std::string& sql, const Bind& bind,
                                          const Visit& visit) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqlConnection> reader, Borrow());
  int64_t rows = 0;
  {
    TW_ASSIGN_OR_RETURN(const std::unique_ptr<SqlStatement> statement, reader->Prepare(sql));
    bind(*statement);
    for (bool more = true; more; ++rows) {
      TW_ASSIGN_OR_RETURN(const bool found, statement->Step());
      if (!found) break;
      TW_ASSIGN_OR_RETURN(more, visit(*statement));
    }
  }
  Return(std::move(reader));
  return rows;
}

absl::Status SqlReaders::QueryEach(const std::string& sql, size_t count,
                                   const SqlConnection::BindOne& bind,
                                   const SqlConnection::VisitOne& visit) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqlConnection> reader, Borrow());
  TW_RETURN_IF_ERROR(reader->QueryEach(sql, count, bind, visit));
  Return(std::move(reader));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqlReaders::QueryInt(const std::string& sql, const Bind& bind) {
  int64_t value = 0;
  TW_RETURN_IF_ERROR(Query(sql, bind, [&](const SqlStatement& row) {
                       return value = row.Int(0), false;
                     }).status());
  return value;
}

absl::StatusOr<std::unique_ptr<SqlConnection>> SqlReaders::Borrow() {
  while (true) {
    std::unique_ptr<SqlConnection> connection;
    {
      std::lock_guard lock(mutex_);
      if (free_.empty()) break;
      connection = std::move(free_.back());
      free_.pop_back();
    }
    if (!connection->IsLost()) return connection;  // else its server was restarted
  }
  return open_();
}

void SqlReaders::Return(std::unique_ptr<SqlConnection> connection) {
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(connection));
}

}  // namespace tilewright
