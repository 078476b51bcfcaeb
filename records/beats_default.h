// Whether a record is worth leaving the default schedule for: a tuned model must not be slower than
// the untuned one because of a lucky measurement.
#pragma once

#include "absl/status/statusor.h"
#include "records/record_store.h"

namespace tilewright {

// False when the default of the record's workload was measured too (on the record's device key and
// target) and the record is not faster beyond the noise of both: their middle halves of samples
// overlap, or it gains less than one per cent. The default is that of UntunedTemplate(.., exact).
// REQUIRES: `best` is timed.
absl::StatusOr<bool> BeatsDefault(const RecordStore& store, const Record& best, bool exact);

}  // namespace tilewright
