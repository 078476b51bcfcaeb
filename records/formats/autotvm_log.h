// AutoTVM log lines (apache/tvm v0.18 record.py): 0.2 is written and read, 0.1 is read.
//
// Format 0.2 has no place for the device's name, the job, a failure's message or the difference
// between building and running; and where it keeps one cost per line we keep every sample. What
// it lacks is written as one more member, "tilewright", which AutoTVM's reader ignores: a line
// read back gives the record again. Two limits remain: readers of AutoTVM take the mean of the
// samples, we the median; and they see a failure only as a number and the cost 1e9.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "records/record.h"
#include "records/store/record_store.h"

namespace tilewright {

// One line without the newline. Our templates write their arguments so that DecodeLogLine gives
// the same workload back; a record that was imported from a foreign template is written back with
// its original arguments.
absl::StatusOr<std::string> EncodeLogLine(const Record& record);
// The same for many records: keeps the arguments of workloads that it has written, because a log
// has few workloads and many lines of each. Not thread-safe.
class LogEncoder {
 public:
  absl::StatusOr<std::string> Encode(const Record& record);

 private:
  absl::StatusOr<const std::string*> ArgsText(const Workload& workload);

  std::unordered_map<std::string, std::string> args_;  // by the workload's key
};

// The longest line that is read.
inline constexpr size_t kMostLogLineBytes = 1 << 20;

// At most kMostLogLineBytes. InvalidArgument "REASON: DETAIL", the reasons few enough to be
// counted: no JSON, a broken entity, knob given twice, ... AutoTVM's rows of templates whose names
// ours bear get the workload that their arguments say (records/formats/autotvm_templates.h); others
// are kept with their template name and arguments (Record::foreign_line). Those of format 0.1
// become 0.2. A line without the member "tilewright" gets the class "imported" and a run_id made of
// its text.
absl::StatusOr<Record> DecodeLogLine(std::string_view line);
// Why a record is kept as a foreign one; "" for others.
std::string WhyForeign(const Record& record);

// A config in its task's space, in the spelling of the space ([-1, 16] of [4, 16] and [-1, 16]).
struct PlacedConfig {
  uint64_t index = 0;
  Config config;
};
// nullopt when the template is unknown, InvalidArgument when the config is not in the space.
using PlaceFunction =
    std::function<absl::StatusOr<std::optional<PlacedConfig>>(const Task&, const Config&)>;

// What became of a line.
enum class RowFate {
  kTaken,      // its config is in today's space, at the line's index
  kReindexed,  // taken: the line's index was of another space, its entities are in today's
  kForeign,    // kept, but no model can use it
  kRefused,
};
std::string_view NameOf(RowFate fate);
struct RowKind {
  RowFate fate = RowFate::kTaken;
  std::string template_name;  // "" for what could not be read
  std::string reason;         // of what is not taken
  friend auto operator<=>(const RowKind&, const RowKind&) = default;
};
struct ImportReport {
  int64_t imported = 0, duplicates = 0, skipped = 0;
  // Every line but comments and blank ones is counted once; past 100 kinds the rest are one.
  std::map<RowKind, int64_t> rows;
  std::vector<std::string> problems;  // of refused ones, first 20: "line 12: ..."
};
// Comment lines (#) and blank ones are not counted. With place_of, a config that is not in its
// space is refused, its spelling becomes the space's, and an index that disagrees is replaced.
// InvalidArgument when the first 10,000 lines hold no record: it is no log.
absl::StatusOr<ImportReport> ImportLog(std::istream& in, RecordStore& store,
                                       const PlaceFunction& place_of = nullptr);
// Oldest first; the number of lines written. Internal when the stream fails.
absl::StatusOr<int64_t> ExportLog(const RecordScan& records, const RecordFilter& filter,
                                  std::ostream& out);

// Reads logs and writes the lines with the best usable record of each target, device and workload,
// in the order in which they first appear. Problems as for an import.
absl::StatusOr<ImportReport> PickBestOfLogs(const std::vector<std::istream*>& in,
                                            std::ostream& out);

}  // namespace tilewright
