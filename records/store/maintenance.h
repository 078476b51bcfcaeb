// Looking after a records file.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "records/store/record_store.h"

namespace tilewright {

// The number of records, revoked ones included, when every row decodes; DataLoss otherwise.
absl::StatusOr<int64_t> CheckStore(const RecordStore& store);

// The number of records of a sound file: SQLite's full integrity check, and every row decodes.
// DataLoss says what is wrong. Works beside a writer.
absl::StatusOr<int64_t> CheckRecordsFile(const std::string& path);

// Copies the records as of now to a new file, checks the copy, and only then gives it its name;
// the number of records. Works beside a writer. AlreadyExists when the name is taken.
absl::StatusOr<int64_t> BackUpRecords(const std::string& path, const std::string& copy);

}  // namespace tilewright
