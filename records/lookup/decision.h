// What whole networks decided. The last phase of tuning runs a network with several configs in each
// layer and keeps, as a record of class kInNetworkClass, the one that served it best, the default
// included. Look-ups take it before any record of a kernel measured by itself.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "records/lookup/lookup.h"
#include "records/store/record_store.h"

namespace tilewright {

// The newest decision about each workload for the target. It holds against every config that had
// been measured when it was taken; one that was first measured later and is by itself faster than
// the decided one beyond noise (records/lookup/noise.h) is given instead. nullopt: there is no
// decision, or it is unfit (LookupOptions::why_unfit).
absl::StatusOr<std::vector<std::optional<Record>>> DecidedRecords(
    const RecordStore& store, std::span<const Workload> workloads, const Target& target,
    const LookupOptions& options);

}  // namespace tilewright
