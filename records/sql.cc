#include "records/sql.h"

#include "base/status_macros.h"

namespace tilewright {

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
