// Which record the compiler uses for a workload: what a whole network decided
// (records/lookup/decision.h); then the exact workload with epilogue on the same target;
// then the same without its epilogue's identity (same op, shapes, layouts, attributes). Never from
// another target, but for GPUs: those that have nothing of their own get what AutoTVM's users
// measured on the nearest model of device (runtime/device/gpu_models.h). With a device key all of
// it is tried among that device's records first, and among those of all devices only where it has
// none. Records that are unfit (of a template or config that is no more) are passed over, however
// fast. `explain` gives the near misses.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/store/record_store.h"

namespace tilewright {

// Ends LookupResult::how where the device that was asked for has no record.
inline constexpr char kOfAnotherDevice[] = ", of another device";

struct LookupResult {
  std::optional<Record> record;
  // "in the network", "exact", "other epilogue", each of them perhaps with kOfAnotherDevice;
  // "fallback, measured on 1080ti", "none".
  std::string how;
  // Of records that would match but are unfit, at most 5 reasons: "3 records of conv2d_old.cpu are
  // not used, the fastest of 0.1021 ms: unknown template conv2d_old.cpu".
  std::vector<std::string> passed_over;
  std::vector<std::string> near_misses;  // with explain (records/lookup/near_misses.h)
};
struct LookupOptions {
  bool explain = false;
  // That the network will run with: what was timed with another number says nothing about it.
  int threads = 1;
  std::string device_key;          // preferred; "" = none
  int64_t most_scanned = 100'000;  // records looked at for near misses
  // Why a record's config cannot be compiled for the task, "" if it can; null: all can. The task
  // has the workload and target that are looked up.
  std::function<std::string(const Task&, const Config&)> why_unfit;
};
// Of each of the workloads, in their order; the store is asked for all of them together.
absl::StatusOr<std::vector<LookupResult>> LookupEach(const RecordStore& store,
                                                     std::span<const Workload> workloads,
                                                     const Target& target,
                                                     const LookupOptions& options);

}  // namespace tilewright
