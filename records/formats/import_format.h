// Formats of logs that are imported line by line: AutoTVM's, and public databases of other tuners.
// The latters' kernels are not ours: their rows become records of templates such as
// "miopen.ConvAsm1x1U", with our workloads, which no model is compiled with and which look-ups show
// beside ours (records/lookup/lookup.h).
#pragma once

#include <istream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "records/formats/autotvm_log.h"
#include "records/record.h"

namespace tilewright {

// Reads the lines of one file in order. Not thread-safe.
class LineReader {
 public:
  virtual ~LineReader() = default;
  // A record a measurement, sound (CheckRecord); none: the line is a heading. InvalidArgument
  // "REASON: DETAIL", the reasons few enough to be counted. REQUIRES: at most 1 MiB.
  virtual absl::StatusOr<std::vector<Record>> Read(std::string_view line) = 0;
};

struct ImportFormat {
  std::string_view name;
  // For a file of this name: some databases tell the device by it.
  std::unique_ptr<LineReader> (*open)(const std::string& file_name);
};
// "autotvm" first.
const std::vector<ImportFormat>& ImportFormats();

// ROCm/MIOpen's find-db (MIT): of each convolution the time of every solver. The file's name is the
// device's: "gfx90a68.HIP.fdb.txt".
std::unique_ptr<LineReader> ReadMiopenFindDb(const std::string& file_name);
// ROCm/aiter's tables of tuned matrix products (MIT), configs/*tuned_gemm*.csv, of element types
// that ours are.
std::unique_ptr<LineReader> ReadAiterTable(const std::string& file_name);

// ImportLog of another format: a line may hold several records, each of which is counted.
absl::StatusOr<ImportReport> ImportLog(std::istream& in, LineReader& reader, RecordStore& store,
                                       const PlaceFunction& place_of = nullptr);

// For the readers: a line's refusal, and whether what was read of a line may become a record (its
// text is UTF-8, the target reads back, CheckRecord).
absl::Status NotRead(absl::string_view reason, absl::string_view detail);
absl::Status CheckImported(std::string_view line, const Record& record);

}  // namespace tilewright
