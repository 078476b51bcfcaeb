#include "records/revoke.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr size_t kMostReason = 4 << 10;

absl::Status Check(const RecordFilter& filter, const std::string& reason) {
  const bool named = !filter.run_id.empty() || !filter.worker.empty() ||
                     !filter.device_key.empty() || !filter.job.empty() || filter.since > 0 ||
                     filter.before > 0;
  if (!named) {
    return absl::InvalidArgumentError(
        "no record is named; give an id, a worker, a device key, a job or a time");
  }
  if (reason.empty() || reason.size() > kMostReason) {
    return absl::InvalidArgumentError(
        absl::StrCat("a reason of ", reason.size(), " bytes; allowed are 1 to ", kMostReason));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> RevokeRecords(RecordStore& store,
                                                       const RecordFilter& filter,
                                                       const std::string& reason,
                                                       double unix_time) {
  TW_RETURN_IF_ERROR(Check(filter, reason));
  std::vector<Revocation> revocations;
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    revocations.push_back({record.run_id, reason, unix_time});
    return true;
  }));
  TW_RETURN_IF_ERROR(store.Commit({.revocations = revocations}));
  std::vector<std::string> ids;
  for (const Revocation& revocation : revocations) ids.push_back(revocation.run_id);
  return ids;
}

}  // namespace tilewright
