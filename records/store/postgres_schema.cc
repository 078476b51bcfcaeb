#include "records/store/postgres_schema.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr const char* kPostgresMigrations[] = {
#include "records/store/postgres_schema.inc"
};
// Of the first migration: the version that SQLite's files had then.
constexpr int64_t kFirstVersion = 8;
constexpr int64_t kNewestVersion = kFirstVersion + std::size(kPostgresMigrations) - 1;

// The version of the tables; 0 when there are none.
absl::StatusOr<int64_t> VersionOf(PostgresConnection& connection) {
  TW_ASSIGN_OR_RETURN(
      const int64_t there,
      connection.QueryInt("SELECT (to_regclass('tilewright.store') IS NOT NULL)::integer"));
  if (there == 0) return 0;
  TW_ASSIGN_OR_RETURN(const int64_t version, connection.QueryInt("SELECT version FROM store"));
  if (version <= kNewestVersion) return version;
  return absl::FailedPreconditionError(
      absl::StrCat("the records in the database have schema version ", version,
                   ", this program knows up to ", kNewestVersion, "; use a newer tilewright"));
}

}  // namespace

absl::Status MigratePostgres(PostgresConnection& connection) {
  TW_ASSIGN_OR_RETURN(const int64_t version, VersionOf(connection));
  for (int64_t next = version == 0 ? kFirstVersion : version + 1; next <= kNewestVersion; ++next) {
    TW_RETURN_IF_ERROR(
        connection.Execute(absl::StrCat("BEGIN;\n", kPostgresMigrations[next - kFirstVersion],
                                        "\nUPDATE store SET version = ", next, "; COMMIT;")));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CheckPostgresSchema(PostgresConnection& connection) {
  TW_ASSIGN_OR_RETURN(const int64_t version, VersionOf(connection));
  if (version > 0) return version;
  return absl::NotFoundError(
      "the database has no records of Tilewright yet; a server or an import makes the tables");
}

}  // namespace tilewright
