// Where there are records: the workloads and targets of an SQL database.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/store/sql.h"
#include "records/store/sql_readers.h"

namespace tilewright {

struct Place {
  std::string workload, target;
};

// Of all records, in the order of their keys. Reads a row or so for each, however many records it
// has. Thread-safe as `readers` are.
absl::StatusOr<std::vector<Place>> Places(const SqlSchema& schema, SqlReaders& readers);

}  // namespace tilewright
