// The tables in PostgreSQL: records/schema/postgres/NNNN_*.sql. A number is the same version of
// SQLite's files (records/store/schema.h), so that one question about a version serves both.
#pragma once

#include "absl/status/statusor.h"
#include "records/store/postgres.h"

namespace tilewright {

// Makes the tables, or brings them to the newest schema, each version in its own transaction.
// FailedPrecondition for a newer schema.
absl::Status MigratePostgres(PostgresConnection& connection);

// The version, which may be an older one. NotFound for a database without these tables,
// FailedPrecondition for a newer schema.
absl::StatusOr<int64_t> CheckPostgresSchema(PostgresConnection& connection);

}  // namespace tilewright
