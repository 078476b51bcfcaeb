// Records in a PostgreSQL database: the store of several servers, one active, the others passive.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "records/store/postgres_writer.h"
#include "records/store/record_store.h"

namespace tilewright {

// `url`: see ParsePostgresUrl. Commits wait for the database's disk. One process writes, by an
// advisory lock that goes with its connection; others are told Unavailable or wait as `standby`
// says. A commit whose connection is lost is made again for some seconds, then Unavailable: whether
// it was made is not known, but a second commit of the same changes nothing. Makes the tables when
// missing. FailedPrecondition for a newer schema, Unavailable when the database cannot be reached.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenPostgresStore(const std::string& url,
                                                               const StandbyOptions& standby = {});
// Works beside a writer. NotFound when the database has no records yet.
absl::StatusOr<std::unique_ptr<RecordStore>> ReadPostgresStore(const std::string& url);

}  // namespace tilewright
