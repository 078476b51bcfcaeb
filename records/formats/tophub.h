// TopHub packages: AutoTVM logs of one kind of target with the best row of each device and
// workload, which AutoTVM's look-ups read (apache/tvm v0.18 autotvm/tophub.py, record.py).
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "records/store/record_store.h"

namespace tilewright {

struct TopHubReport {
  int64_t rows = 0;
  // Records that were left out, by "template: reason".
  std::map<std::string, int64_t> left_out;
};

// A record as the row of AutoTVM 0.2 that its reader looks up by target and arguments: without our
// member "tilewright", with AutoTVM's arguments and no epilogue, one cost, the median.
// NotFound or InvalidArgument when AutoTVM has no such template or workload (AutoTvmArgs).
absl::StatusOr<std::string> TopHubRow(const Record& record);

// Writes the best usable row of each target, template and workload of a kind of target as AutoTVM
// calls it ("cuda", "opencl", "llvm"); foreign rows as they came. A comment line comes first.
// Internal when the stream fails.
absl::StatusOr<TopHubReport> ExportTopHub(const RecordScan& records, const std::string& kind,
                                          RecordFilter filter, std::ostream& out);

}  // namespace tilewright
