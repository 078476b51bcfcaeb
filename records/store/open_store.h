// Opens records by their name: a file, or a database's URL.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "records/store/record_store.h"

namespace tilewright {

// OpenSqliteStore of a file, OpenPostgresStore or ReadPostgresStore of a "postgresql://" URL.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenStore(const std::string& named,
                                                       bool read_only = false);

}  // namespace tilewright
