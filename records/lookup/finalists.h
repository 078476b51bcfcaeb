// The configs of a workload that the last phase of tuning tries inside the network.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/lookup/lookup.h"
#include "records/store/record_store.h"

namespace tilewright {

// At most `count` fit configs measured on options.device_key for the target with options.threads,
// each as the record with its middle time: first the fastest of each template, so that algorithms
// compete, then the fastest others. What takes more than twice as long as the fastest is left out:
// no network makes that good.
absl::StatusOr<std::vector<Record>> Finalists(const RecordStore& store, const Task& task,
                                              size_t count, const LookupOptions& options);

}  // namespace tilewright
