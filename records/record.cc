#include "records/record.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr size_t kMaxName = 1 << 10;
constexpr size_t kMaxMessage = 64 << 10;
constexpr size_t kMaxLine = 1 << 20;
constexpr size_t kMaxSamples = 1 << 16;
constexpr int kMostThreads = 1 << 16;
constexpr double kMostSeconds = 1e12;  // sums and means of such stay finite

absl::Status Bad(const Record& record, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("record \"", record.run_id, "\": ", what));
}

absl::Status CheckOutcome(const Record& record) {
  if (const auto* failure = std::get_if<Failure>(&record.outcome)) {
    const bool fits = failure->message.size() <= kMaxMessage;
    return fits ? absl::OkStatus() : Bad(record, "the failure's message is above 64 KiB");
  }
  const std::vector<double>& seconds = std::get<Timing>(record.outcome).seconds;
  if (seconds.empty() || seconds.size() > kMaxSamples) {
    return Bad(record, absl::StrCat(seconds.size(), " samples; allowed are 1 to ", kMaxSamples));
  }
  for (double sample : seconds) {
    if (!(sample > 0 && sample <= kMostSeconds)) {
      return Bad(record,
                 absl::StrCat("a sample of ", sample, " s; allowed are above 0 and up to 1e12"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string WorkloadKey(const Record& record) {
  if (record.foreign_args.empty()) return record.task.workload.Key();
  return absl::StrCat(record.task.template_name, record.foreign_args);
}

std::string AnchorKey(Workload workload) {
  workload.epilogue.clear();
  return workload.Key();
}

std::string AnchorKey(const Record& record) {
  return record.foreign_args.empty() ? AnchorKey(record.task.workload) : WorkloadKey(record);
}

bool IsUsable(const Record& record) {
  const std::string& kind = record.record_class;
  return MedianSeconds(record.outcome).has_value() &&
         (kind == "ok" || kind == "late" || kind == "imported");
}

absl::Status CheckRecord(const Record& record) {
  if (record.run_id.empty()) return Bad(record, "the run_id is empty");
  for (const std::string* name :
       {&record.run_id, &record.task.template_name, &record.device_key, &record.device,
        &record.worker, &record.builder, &record.job, &record.software, &record.record_class}) {
    if (name->size() > kMaxName) return Bad(record, "a name above 1 KiB");
  }
  if (std::max(record.foreign_line.size(), record.foreign_args.size()) > kMaxLine) {
    return Bad(record, "a log line above 1 MiB");
  }
  if (record.threads < 1 || record.threads > kMostThreads) {
    return Bad(record, absl::StrCat(record.threads, " threads; allowed are 1 to ", kMostThreads));
  }
  for (double time : {record.build_seconds, record.run_seconds, record.unix_time}) {
    if (!(std::fabs(time) <= kMostSeconds)) {
      return Bad(record, absl::StrCat("a time of ", time, " s; allowed are up to 1e12"));
    }
  }
  return CheckOutcome(record);
}

}  // namespace tilewright
