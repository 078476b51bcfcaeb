// Which record the compiler uses for a workload: exact workload with epilogue on the same target;
// then the same without its epilogue's identity (same op, shapes, layouts, attributes); never from
// another target. `explain` gives the near misses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/record_store.h"

namespace tilewright {

struct LookupResult {
  std::optional<Record> record;
  std::string how;  // "exact", "other epilogue", "none"
  // With explain, the closest first, at most 5: "target differs: cpu -mcpu=znver4 (12 records)".
  std::vector<std::string> near_misses;
};
absl::StatusOr<LookupResult> LookupBest(const RecordStore& store, const Workload& workload,
                                        const Target& target, bool explain = false);

}  // namespace tilewright
