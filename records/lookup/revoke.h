// Withdrawing records that were found to be wrong.
#pragma once

#include <string>
#include <vector>

#include "records/store/record_store.h"

namespace tilewright {

// Why, when and by whom.
struct RevokeNote {
  std::string reason;  // for people, 1 byte to 4 KiB
  double unix_time = 0;
  std::string by;  // at most 200 bytes
};

// InvalidArgument for a filter that names neither a record, a worker, a builder, a key, a job nor a
// time, for a name in it above 1 KiB, for a time that is none, for a note outside its limits, and
// for texts that are not one line of UTF-8.
absl::Status CheckRevoke(const RecordFilter& filter, const RevokeNote& note);

// Withdraws what the filter matches, in one transaction; the run_ids, oldest first. Look-ups,
// searches and exports no longer see these records, importing them again changes nothing.
// InvalidArgument: see CheckRevoke.
absl::StatusOr<std::vector<std::string>> RevokeRecords(RecordStore& store,
                                                       const RecordFilter& filter,
                                                       const RevokeNote& note);

}  // namespace tilewright
