#include "records/lookup/revoke.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace tilewright {
namespace {

constexpr size_t kMostReason = 4 << 10;
constexpr size_t kMostBy = 200;
constexpr size_t kMostName = 1 << 10;

bool NamesRecords(const RecordFilter& filter) {
  return !filter.run_id.empty() || !filter.worker.empty() || !filter.builder.empty() ||
         !filter.device_key.empty() || !filter.job.empty() || filter.since > 0 || filter.before > 0;
}

absl::Status CheckText(absl::string_view what, const std::string& text, size_t most) {
  if (text.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " of ", text.size(), " bytes, allowed are ", most));
  }
  if (IsOneLine(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is not one line of UTF-8 text; write it without control characters"));
}

absl::Status CheckTime(double seconds) {
  if (std::isfinite(seconds) && seconds >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a time of ", seconds, " s, allowed are 0 or more"));
}

}  // namespace

absl::Status CheckRevoke(const RecordFilter& filter, const RevokeNote& note) {
  TW_RETURN_IF_ERROR(CheckTime(filter.since));
  TW_RETURN_IF_ERROR(CheckTime(filter.before));
  if (!NamesRecords(filter)) {
    return absl::InvalidArgumentError(
        "no record is named; give an id, a worker, a builder, a device key, a job or a time");
  }
  for (const std::string* name :
       {&filter.run_id, &filter.worker, &filter.builder, &filter.device_key, &filter.job}) {
    TW_RETURN_IF_ERROR(CheckText("a name", *name, kMostName));
  }
  if (note.reason.empty()) return absl::InvalidArgumentError("the reason is empty; say why");
  TW_RETURN_IF_ERROR(CheckText("a reason", note.reason, kMostReason));
  return CheckText("the name of who revokes", note.by, kMostBy);
}

absl::StatusOr<std::vector<std::string>> RevokeRecords(RecordStore& store,
                                                       const RecordFilter& filter,
                                                       const RevokeNote& note) {
  TW_RETURN_IF_ERROR(CheckRevoke(filter, note));
  std::vector<Revocation> revocations;
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    revocations.push_back({record.run_id, note.reason, note.unix_time, note.by});
    return true;
  }));
  TW_RETURN_IF_ERROR(store.Commit({.revocations = revocations}));
  std::vector<std::string> ids;
  for (const Revocation& revocation : revocations) ids.push_back(revocation.run_id);
  return ids;
}

}  // namespace tilewright
