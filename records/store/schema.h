// The schema's versions: records/schema/NNNN_*.sql, applied in order, forward only.
#pragma once

#include "absl/status/status.h"
#include "records/store/sqlite.h"

namespace tilewright {

// Brings a file to the newest schema, each version in its own transaction. DataLoss for a
// database that is not ours, FailedPrecondition for a newer schema.
absl::Status MigrateSchema(SqliteConnection& connection);

// DataLoss for a file that does not pass SQLite's quick check, which reads all of it.
absl::Status QuickCheck(SqliteConnection& connection);

// The same checks as MigrateSchema's without writing; the version, which may be an older one.
// FailedPrecondition for an empty file.
absl::StatusOr<int64_t> CheckSchema(SqliteConnection& connection);

}  // namespace tilewright
