#include "records/store/sql.h"

#include "base/status_macros.h"

namespace tilewright {

absl::Status SqlConnection::QueryEach(const std::string& sql, size_t count, const BindOne& bind,
                                      const VisitOne& visit) {
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<SqlStatement> statement, Prepare(sql));
  for (size_t i = 0; i < count; ++i) {
    bind(i, *statement);
    while (true) {
      TW_ASSIGN_OR_RETURN(const bool found, statement->Step());
      if (!found) break;
      TW_RETURN_IF_ERROR(visit(i, *statement));
    }
    statement->Reset();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SqlConnection::QueryText(const std::string& sql) {
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<SqlStatement> statement, Prepare(sql));
  TW_ASSIGN_OR_RETURN(const bool found, statement->Step());
  return found ? statement->Text(0) : std::string();
}

absl::StatusOr<int64_t> SqlConnection::QueryInt(const std::string& sql) {
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<SqlStatement> statement, Prepare(sql));
  TW_ASSIGN_OR_RETURN(const bool found, statement->Step());
  return found ? statement->Int(0) : 0;
}

}  // namespace tilewright
