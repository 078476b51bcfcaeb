#include "records/store/schema.h"

#include <span>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// "TWRC" in SQLite's application_id: tells our files from other databases.
constexpr int64_t kApplicationId = 0x54575243;

constexpr const char* kMigrations[] = {
#include "records/store/schema.inc"
};
constexpr int64_t kNewest = std::size(kMigrations);

// The version of the file's schema; 0 for an empty database.
absl::StatusOr<int64_t> Version(SqliteConnection& connection) {
  TW_ASSIGN_OR_RETURN(const int64_t id, connection.QueryInt("PRAGMA application_id"));
  TW_ASSIGN_OR_RETURN(const int64_t version, connection.QueryInt("PRAGMA user_version"));
  TW_ASSIGN_OR_RETURN(const int64_t tables,
                      connection.QueryInt("SELECT count(*) FROM sqlite_schema"));
  const bool fresh = id == 0 && version == 0 && tables == 0;
  if (!fresh && id != kApplicationId) {
    return absl::DataLossError(
        "the file is a database of another program; name another file with --records");
  }
  if (version > kNewest) {
    return absl::FailedPreconditionError(absl::StrCat("the records file has schema version ",
                                                      version, ", this program knows up to ",
                                                      kNewest, "; use a newer tilewright"));
  }
  return version;
}

}  // namespace

absl::Status QuickCheck(SqliteConnection& connection) {
  TW_ASSIGN_OR_RETURN(const std::string found, connection.QueryText("PRAGMA quick_check(1)"));
  if (found == "ok") return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the records file is damaged: ", found,
                   "; restore a backup, or move the file away and start a new one"));
}

absl::Status MigrateSchema(SqliteConnection& connection) {
  TW_ASSIGN_OR_RETURN(int64_t version, Version(connection));
  for (; version < kNewest; ++version) {
    TW_RETURN_IF_ERROR(connection.Execute(absl::StrCat(
        "BEGIN EXCLUSIVE;\n", kMigrations[version], "\nPRAGMA application_id=", kApplicationId,
        "; PRAGMA user_version=", version + 1, "; COMMIT;")));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CheckSchema(SqliteConnection& connection) {
  TW_ASSIGN_OR_RETURN(const int64_t version, Version(connection));
  if (version == 0) return absl::FailedPreconditionError("the records file is empty");
  return version;
}

}  // namespace tilewright
