// Making records fewer without changing what look-ups give.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// A record goes when it was measured before `before` and is not among the newest `newest` of its
// task (workload, template, target and device key).
struct PruneRule {
  double before = std::numeric_limits<double>::infinity();  // unix seconds
  int64_t newest = 0;                                       // 0 = none is kept for being new
  std::vector<std::string> run_ids;  // stay whatever their age: what packages were compiled with
};

struct PruneReport {
  int64_t removed = 0, left = 0;
};

// Removes what the rule says from a file or database that nobody writes to, in one transaction, and
// gives the space back: of a file to the disk (which needs room for what is left meanwhile), of a
// database to later records; with `dry_run` only counts.
// What always stays: the measurements of the 16 fastest configs of each workload and of each
// workload without its epilogue, on each device key and on all together; those of the defaults, of
// what networks decided and of what came after that, of revoked and of other systems' records; all
// measurements of a config of which one stays, as look-ups take the middle of them. Searches may
// measure again what is gone. FailedPrecondition while jobs are unfinished, as they are resumed
// from their records; NotFound when there are no records; else as OpenStore.
absl::StatusOr<PruneReport> PruneRecords(const std::string& named, const PruneRule& rule,
                                         bool dry_run);

}  // namespace tilewright
