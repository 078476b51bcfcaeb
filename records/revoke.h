// Withdrawing records that were found to be wrong.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "records/record_store.h"

namespace tilewright {

// Withdraws what the filter matches, in one transaction; the run_ids, oldest first. Look-ups,
// searches and exports no longer see these records, importing them again changes nothing.
// InvalidArgument for a filter that names neither a record, a worker, a key, a job nor a time, and
// for a reason that is empty or above 4 KiB.
absl::StatusOr<std::vector<std::string>> RevokeRecords(RecordStore& store,
                                                       const RecordFilter& filter,
                                                       const std::string& reason, double unix_time);

}  // namespace tilewright
