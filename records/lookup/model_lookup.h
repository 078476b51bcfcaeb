// Look-ups of many workloads at once: what is compiled, explained, and answered by a server.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/lookup/lookup.h"
#include "records/store/record_store.h"

namespace tilewright {

struct ModelLookup {
  std::vector<Workload> workloads;
  Target target;           // resolved
  std::string device_key;  // preferred (LookupOptions)
  int threads = 1;         // that the network will run with
  bool exact = false;      // only templates that are
  bool explain = false;    // near misses too, among 100,000 records for all workloads together
};

struct FoundConfig {
  LookupResult found;
  // The record is no faster than the default measured beside it (records/lookup/beats_default.h).
  bool keeps_default = false;
  // Medians of the default and of the record's config, each measured alone on the device key that
  // was asked for; 0 = not measured, or no key.
  double default_seconds = 0, alone_seconds = 0;
};

// Of each workload, in their order. Records that today's templates do not take
// (records/lookup/fit.h) are passed over.
absl::StatusOr<std::vector<FoundConfig>> LookUpModel(const RecordStore& store,
                                                     const ModelLookup& wanted);

// The best record that the filter matches of each of the workloads (keys) that has one, in their
// order; without workloads RecordStore::BestPerWorkload.
absl::StatusOr<std::vector<Record>> BestRecords(const RecordStore& store,
                                                const RecordFilter& filter,
                                                const std::vector<std::string>& workloads);

}  // namespace tilewright
