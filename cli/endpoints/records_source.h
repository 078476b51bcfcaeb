// Records to look into: opened where they are, or asked of a server, which sends the answers only
// (and its log to those who go through all records).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/open_records.h"
#include "records/lookup/model_lookup.h"

namespace tilewright {

class RecordsSource final : public RecordScan {
 public:
  // As OpenRecordsToRead names them; of a server ("farm:ADDRESS") nothing is fetched yet.
  static absl::StatusOr<RecordsSource> Open(const RecordsOption& option);

  // LookUpModel.
  absl::StatusOr<std::vector<FoundConfig>> LookUp(const ModelLookup& wanted) const;
  // BestRecords (records/lookup/model_lookup.h). Of the filter a server takes `op`,
  // `workload_substring`, `template_name`, `target`, `device_key`, `job` and `only_ok`, here and
  // below.
  absl::StatusOr<std::vector<Record>> Best(const RecordFilter& filter,
                                           const std::vector<std::string>& workloads = {}) const;
  // The newest `count`, oldest first; a server sends at most 10,000.
  absl::StatusOr<std::vector<Record>> Newest(const RecordFilter& filter, int64_t count) const;
  // Of a server's, those of the filter's device key are sent and looked at one after the other, as
  // they come.
  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override;
  // Null for a server's.
  const RecordStore* store() const { return store_.get(); }

 private:
  std::unique_ptr<RecordStore> store_;  // or
  std::unique_ptr<FarmClient> farm_;
};

}  // namespace tilewright
