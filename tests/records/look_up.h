// The look-up of one workload, for tests.
#pragma once

#include <utility>

#include "records/lookup/lookup.h"

namespace tilewright {

inline absl::StatusOr<LookupResult> LookupBest(const RecordStore& store, const Workload& workload,
                                               const Target& target,
                                               const LookupOptions& options = {}) {
  auto each = LookupEach(store, {&workload, 1}, target, options);
  if (!each.ok()) return each.status();
  return std::move(each->front());
}

}  // namespace tilewright
