// Why a workload has no record: the records that come closest, and how they differ.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/task.h"
#include "records/store/record_store.h"

namespace tilewright {

// Of the newest `most_scanned` usable records of the operator, which are no answer for `wanted` run
// with so many threads: by how they differ, those with the fewest differences first, at most 5.
// "target differs: rocm -arch=gfx90a (12 records, the fastest 0.0210 ms by miopen.ConvAsm1x1U)".
absl::StatusOr<std::vector<std::string>> NearMisses(const RecordScan& records, const Task& wanted,
                                                    int threads, int64_t most_scanned);

}  // namespace tilewright
