// AutoTVM log lines (apache/tvm v0.18 record.py): 0.2 is written and read, 0.1 is read.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "records/record.h"
#include "records/record_store.h"

namespace tilewright {

// One line without the newline. Our templates write their arguments so that DecodeLogLine gives
// the same workload back; a record that was imported from a foreign template is written back with
// its original arguments.
absl::StatusOr<std::string> EncodeLogLine(const Record& record);
// InvalidArgument with what is wrong. Lines of templates we do not have are kept with their
// template name and arguments (workload.op = the template's name).
absl::StatusOr<Record> DecodeLogLine(std::string_view line);

struct ImportReport {
  int64_t imported = 0, duplicates = 0, skipped = 0;
  std::vector<std::string> problems;  // first 20: "line 12: ..."
};
absl::StatusOr<ImportReport> ImportLog(std::istream& in, RecordStore& store);
absl::StatusOr<int64_t> ExportLog(const RecordStore& store, const RecordFilter& filter,
                                  std::ostream& out);

}  // namespace tilewright
