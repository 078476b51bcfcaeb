#include "records/store/filter.h"

#include <utility>

namespace tilewright {
namespace {

bool Accepts(const std::string& wanted, const std::string& found) {
  return wanted.empty() || wanted == found;
}

}  // namespace

KeyedRecord::KeyedRecord(Record r)
    : record(std::move(r)),
      workload(WorkloadKey(record)),
      anchor(AnchorKey(record)),
      target(ToString(record.task.target)),
      config(EntitiesToJson(record.config)),
      median(MedianSeconds(record.outcome)) {}

bool Matches(const RecordFilter& filter, const KeyedRecord& keyed) {
  const Record& record = keyed.record;
  return Accepts(filter.workload_key, keyed.workload) && Accepts(filter.anchor_key, keyed.anchor) &&
         Accepts(filter.template_name, record.task.template_name) &&
         Accepts(filter.target, keyed.target) && Accepts(filter.device_key, record.device_key) &&
         Accepts(filter.record_class, record.record_class) &&
         Accepts(filter.config, keyed.config) && Accepts(filter.run_id, record.run_id) &&
         Accepts(filter.worker, record.worker) && Accepts(filter.builder, record.builder) &&
         (filter.since == 0 || record.unix_time >= filter.since) &&
         (filter.before == 0 || record.unix_time < filter.before) &&
         (filter.below == 0 || (keyed.median && *keyed.median < filter.below)) &&
         (filter.threads == 0 || filter.threads == record.threads) &&
         Accepts(filter.job, record.job) && Accepts(filter.op, record.task.workload.op) &&
         keyed.workload.find(filter.workload_substring) != std::string::npos &&
         (!filter.only_ok || IsUsable(record));
}

}  // namespace tilewright
