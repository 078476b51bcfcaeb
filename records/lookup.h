// Which record the compiler uses for a workload: exact workload with epilogue on the same target;
// then the same without its epilogue's identity (same op, shapes, layouts, attributes); never from
// another target. `Explain` gives the near misses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/record_store.h"

namespace tilewright {

struct LookupResult {
  std::optional<Record> record;
  std::string how;                      // "exact", "other epilogue", "none"
  std::vector<std::string> near_misses; // "target differs: cpu -mcpu=znver4 (12 records)", ...
};
absl::StatusOr<LookupResult> LookupBest(const RecordStore& store, const Workload& workload,
                                        const Target& target, bool explain = false);

}  // namespace tilewright
